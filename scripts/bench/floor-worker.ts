/** The worker of the do-nothing workflow, a process of its own as keybaton's worker is, with the same options. */
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { guardActivities } from '../../worker/interceptors.ts';

const [address = '', namespace = ''] = process.argv.slice(2);
Runtime.install({ logger: new DefaultLogger('WARN') });
const connection = await NativeConnection.connect({ address });
const workflowBundle = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL('floor-workflow.ts', import.meta.url)),
  logger: new DefaultLogger('WARN'),
});
const worker = await Worker.create({
  connection,
  namespace,
  taskQueue: 'floor',
  workflowBundle,
  activities: { nothing: async (_given: string, answers: string) => answers },
  interceptors: { activity: [guardActivities] },
  stickyQueueScheduleToStartTimeout: '2 s',
});
process.stdout.write('ready\n');
await worker.run();
await connection.close();
