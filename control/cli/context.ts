import type { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { read } from '../http-api/bodies.ts';
import type { Operation, OperationPorts } from '../operations/operation.ts';
import type { CallOperation, CommandContext } from './command.ts';
import { remoteCall } from './remote-call.ts';
import type { Sessions } from './sessions.ts';

/** Does operations on this machine, as the person at its keyboard, who may do everything here. */
export function localCall(ports: OperationPorts, actor: string): CallOperation {
  return async <Input extends z.ZodType, Answer extends z.ZodType>(
    operation: Operation<Input, Answer>,
    input: z.input<Input>,
  ) => {
    // What the input's own schema has read is its output; the types of zod lose that behind a parameter.
    const asked = read<unknown>(operation.input, input) as z.output<Input>;
    const answer: unknown = await operation.run(ports, asked, { actor, sees: () => true });
    // Our own functions answer what the schema would read: both types differ in what others may leave out alone.
    return answer as z.output<Answer>;
  };
}

type Where = Pick<CommandContext, 'call' | 'remote' | 'ports' | 'incidentPorts' | 'ownIncidentPorts'>;

/** Here, or at the API that KEYBATON_URL or KEYBATON_PROFILE names. There, nothing of this machine is touched by mistake. */
export async function whereCommandsGo(local: OperationPorts, actor: string, sessions: Sessions): Promise<Where> {
  const chosen = await sessions.chosen();
  if (chosen === undefined)
    return { ...local, ownIncidentPorts: local.incidentPorts, remote: false, call: localCall(local, actor) };
  const refuse = (): Promise<never> =>
    Promise.reject(
      new KeybatonError(
        'UNSUPPORTED',
        'this works only on the machine itself: unset KEYBATON_URL and KEYBATON_PROFILE there',
      ),
    );
  const { url, token } = chosen;
  const call: CallOperation =
    token === undefined
      ? () => Promise.reject(new KeybatonError('ACCESS_DENIED', `nobody is signed in at ${url}: keybaton login`))
      : remoteCall(url, token);
  return { call, remote: true, ports: refuse, incidentPorts: refuse, ownIncidentPorts: local.incidentPorts };
}
