/**
 * Plays the scenarios on the real server and writes what it recorded to `test/histories`. Run it when a workflow changes
 * on purpose: `node test/replay/record.ts`, or with names of scenarios to record only those.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import {
  drillWorkflowId,
  rotationWorkflowId,
  settleDebtWorkflowId,
  watchTargetWorkflowId,
} from '../../domain/identifiers.ts';
import { queues } from '../../domain/queues.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { openEmergencyStage } from '../support/emergency-world.ts';
import { consumer, quick, type Stage } from '../support/rotation-world.ts';
import { openSweepStage, sweepInput } from '../support/sweep-world.ts';
import { until } from '../support/until.ts';
import { historyFile, historiesFolder } from './histories.ts';
import { incidentScenarios } from './incident-scenarios.ts';
import { bot, confirming, rotationOf, settled, type Scenario } from './scenario.ts';
import { withoutOurPlace } from './scrub.ts';

const scenarios: Readonly<Record<string, Scenario>> = {
  'first-rotation': async (stage) => {
    const play = await stage.play();
    await play.rotate();
    await play.result();
    return rotationOf(play);
  },
  'scheduled-with-proof': async (stage) => {
    const play = await confirming(stage);
    await play.prove('bot');
    await play.result();
    return rotationOf(play);
  },
  // Since GATE says whether a soak is wanted, and the last erasure closes the run.
  'closed-with-the-last': async (stage) => {
    const play = await confirming(stage);
    await play.prove('bot');
    await play.result();
    return rotationOf(play);
  },
  'held-then-released': async (stage) => {
    const play = await settled(stage, { entry: { consumers: [consumer('bot', { deadline: 200 })] } });
    await play.rotate();
    await play.reaches('held');
    const why = 'the consumer is gone';
    await stage.ledger.request({ kind: 'release', release: 'unproved', credential: play.id, who: 'test', why });
    await play.wake();
    await play.result();
    return rotationOf(play);
  },
  'rolled-back': async (stage) => {
    const play = await settled(stage);
    const old = (await play.current()).id;
    await play.rotate();
    await play.reaches('confirming');
    await stage.ledger.request({ kind: 'rollBack', credential: play.id, version: old, who: 'test', why: 'no grant' });
    await play.wake();
    await until('the old version is current again', async () => (await play.current()).id === old);
    await until('consumers read the old version again', () => play.shown() === old);
    await play.prove('bot');
    await play.result();
    return rotationOf(play);
  },
  'old-version-leaked': async (stage) => {
    const play = await settled(stage);
    const old = (await play.current()).id;
    await play.rotate();
    await play.reaches('confirming');
    await play.leak([old]);
    await play.result();
    return rotationOf(play);
  },
  'new-version-leaked': async (stage) => {
    const play = await settled(stage);
    const old = (await play.current()).id;
    await play.rotate();
    await play.reaches('confirming');
    const leaked = (await play.current()).id;
    await play.leak([leaked]);
    await until('another version is current', async () => ![old, leaked].includes((await play.current()).id));
    await play.reaches('confirming');
    await play.prove('bot');
    await play.result();
    return rotationOf(play);
  },
  'soaking-then-leaked': async (stage) => {
    const play = await settled(stage, { entry: { ...bot, soak: 600_000 } });
    const old = (await play.current()).id;
    await play.rotate();
    await play.reaches('confirming');
    await play.prove('bot');
    await play.reaches('soaking');
    await until('the old version is suspended', () => !play.liveVersions().includes(old));
    await play.leak([old]);
    await play.result();
    return rotationOf(play);
  },
  'spent-version': async (stage) => {
    const play = await stage.play();
    scriptTrouble(play.provider, 'issue', { kind: 'lose-answer' });
    await play.rotate();
    await play.result();
    return rotationOf(play);
  },
  'retried-effects': async (stage) => {
    const play = await settled(stage, { entry: { consumers: { none: 'nobody' } } });
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 4);
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'ACCESS_DENIED' }, 1);
    await play.rotate();
    await play.result();
    return rotationOf(play);
  },
  'failed-before-anything': async (stage) => {
    const play = await stage.play();
    scriptTrouble(play.provider, 'any', { kind: 'fail', code: 'ACCESS_DENIED' }, 50);
    await play.rotate();
    await play.result();
    return rotationOf(play);
  },
  rehearsal: async (stage) => {
    const play = await settled(stage);
    await play.rotate({ rehearse: true });
    await play.result();
    return rotationOf(play);
  },
  'discarding-continued': async (stage) => {
    const play = await settled(stage);
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 4);
    const held = play.hold('revoke');
    await play.rotate({ rehearse: true, pace: { ...quick, renewAfter: 1 } });
    await held.arrived;
    const first = (await stage.client.workflow.getHandle(rotationWorkflowId(play.id)).describe()).runId;
    held.letGo();
    await play.result();
    return { ...rotationOf(play), runs: [first] };
  },
  'continued-as-new': async (stage) => {
    const play = await settled(stage);
    await play.rotate({ pace: { ...quick, renewAfter: 1 } });
    await play.reaches('confirming');
    const handle = stage.client.workflow.getHandle(rotationWorkflowId(play.id));
    const first = (await handle.describe()).runId;
    await play.wake();
    await until('a next run has begun', async () => (await handle.describe()).runId !== first);
    await play.reaches('confirming');
    await play.prove('bot');
    await play.result();
    return { ...rotationOf(play), runs: [first] };
  },
  'standby-refilled': async (stage) => {
    const play = await stage.play({ entry: { standby: true } });
    await play.rotate();
    await play.result();
    return rotationOf(play);
  },
  'standby-promoted-after-leak': async (stage) => {
    const play = await settled(stage, { entry: { standby: true, emergency: { policy: 'standby', bound: 600_000 } } });
    await play.leak([(await play.current()).id]);
    await play.result();
    return rotationOf(play);
  },
  'replace-first-proved': async (stage) => {
    const play = await settled(stage, { entry: { emergency: { policy: 'replace-first', bound: 600_000 } } });
    const old = (await play.current()).id;
    await play.leak([old]);
    await until('it is replaced', async () => (await play.current()).id !== old);
    await play.reaches('confirming');
    await play.prove('bot');
    await play.result();
    return rotationOf(play);
  },
  'replace-first-bound': async (stage) => {
    const play = await settled(stage, { entry: { emergency: { policy: 'replace-first', bound: 1_500 } } });
    const old = (await play.current()).id;
    const held = play.hold('promote');
    await play.leak([old]);
    await held.arrived;
    await until('it is dead at the provider', () => !play.liveVersions().includes(old));
    held.letGo();
    await play.result();
    return rotationOf(play);
  },
  'settle-debt': async (stage) => {
    const play = await settled(stage, { entry: { consumers: { none: 'nobody' } } });
    const old = (await play.current()).id;
    // Its key is accepted for a while after the revoke: the death is not proved, and the debt moves.
    const held = play.hold('revoke');
    await play.rotate({ pace: { ...quick, debtAfter: 1 } });
    await held.arrived;
    play.provider.change((state) => state.keys.forEach((key) => (key.worksAt = Number.MAX_SAFE_INTEGER)));
    held.letGo();
    await play.result();
    play.provider.change((state) => state.keys.forEach((key) => (key.worksAt = 0)));
    const workflowId = settleDebtWorkflowId(old);
    const handle = stage.client.workflow.getHandle(workflowId);
    await handle.signal('wake');
    await handle.result();
    return { workflowId };
  },
  'watch-target': async (stage) => {
    const play = await settled(stage, { entry: { ...bot, silence: { for: 300 } } });
    await play.rotate();
    await play.reaches('confirming');
    await play.prove('bot');
    await play.result();
    const workflowId = watchTargetWorkflowId((await play.facts()).entry.target);
    await stage.client.workflow.getHandle(workflowId).result();
    return { workflowId };
  },
  'scheduled-drill': async (stage) => {
    const play = await stage.play();
    const workflowId = drillWorkflowId(play.id);
    const args = [{ credential: play.id }];
    await stage.client.workflow.execute('drillCredential', { workflowId, taskQueue: queues.rotations, args });
    return { workflowId };
  },
  ...incidentScenarios,
};

/** One starts what is due; it needs a stage that sweeps. */
const sweep = async (stage: Stage): ReturnType<Scenario> => {
  const play = await stage.play();
  const workflowId = 'sweep';
  const args = [sweepInput()];
  await stage.client.workflow.execute('sweepInventory', { workflowId, taskQueue: queues.rotations, args });
  await play.result();
  return { workflowId };
};

async function record<On extends Stage>(
  stage: On,
  name: string,
  scenario: (stage: On) => ReturnType<Scenario>,
): Promise<void> {
  const { workflowId, runs = [] } = await scenario(stage);
  for (const [index, run] of [...runs, undefined].entries()) {
    const history = await stage.client.workflow.getHandle(workflowId, run).fetchHistory();
    const kept = withoutOurPlace(JSON.parse(historyToJSON(history)));
    const file = historyFile(runs.length === 0 ? name : `${name}-${index + 1}`);
    writeFileSync(file, `${JSON.stringify(kept, undefined, 1)}\n`);
    process.stdout.write(`${file.pathname.split('/').at(-1) ?? ''}\n`);
  }
}

Runtime.install({ logger: new DefaultLogger('ERROR') });
const wanted = process.argv.slice(2);
mkdirSync(historiesFolder, { recursive: true });
const stage = await openEmergencyStage();
try {
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (wanted.length === 0 || wanted.includes(name)) await record(stage, name, scenario);
  }
} finally {
  await stage.close();
}
if (wanted.length === 0 || wanted.includes('sweep')) {
  const sweeping = await openSweepStage();
  try {
    await record(sweeping, 'sweep', sweep);
  } finally {
    await sweeping.close();
  }
}
