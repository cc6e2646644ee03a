import { existsSync } from 'node:fs';
import type { AccessFolder } from '../access-folder.ts';
import type { Operation, Reach } from '../operations/operation.ts';
import { nameOfWhat, withoutSecrets } from './approvals.ts';
import { stillToAgree } from './still-to-agree.ts';

export interface AskedOnHost {
  readonly access: AccessFolder;
  readonly operation: Operation;
  readonly input: unknown;
  readonly reach: Reach;
  /** Why two people must agree. */
  readonly why: string;
  /** What of the ledger they look at: once it is another, so is the question. */
  readonly looked: Readonly<Record<string, unknown>>;
  readonly by: string;
}

/**
 * For what is typed on a host, where nobody signs in: two people agree at the API or the page, and then it is done there, once.
 * CONFLICT names the approval that waits for them. Without an access file there are no people to ask, and nothing is.
 */
export async function agreedOnHost(asked: AskedOnHost): Promise<void> {
  const { access, operation, input, reach, why, looked, by } = asked;
  if (!existsSync(access.path)) return;
  const now = access.now();
  const what = nameOfWhat(operation, input, reach, looked);
  const shown = withoutSecrets(operation, input);
  const approval = await access.approvals.ask({ what, operation: operation.name, input: shown, reach, why, by, now });
  const people = new Set(approval.agreed.map(({ person }) => person)).size;
  if (people < 2) throw stillToAgree(approval, people);
  await access.approvals.use({ id: approval.id, by, now });
}
