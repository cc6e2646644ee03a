import type { z } from 'zod';
import { acknowledgeOperation, waiveOperation } from '../operations/table/consent.ts';
import { releaseOperation, rollbackOperation } from '../operations/table/release.ts';
import { rotateOperation } from '../operations/table/rotate.ts';
import type { showOperation } from '../operations/table/show.ts';
import type { statusOperation } from '../operations/table/status.ts';
import { freezeOperation, pauseOperation, thawOperation, unpauseOperation } from '../operations/table/stops.ts';
import type { Operation } from '../operations/operation.ts';
import { html } from './html.ts';
import type { Fragment } from './html.ts';
import type { Answer } from './web.ts';
import { counted } from './words.ts';

/** What is known of a credential when a page asks what can be done to it. */
export interface Known {
  readonly view: Answer<typeof showOperation>;
  readonly status: Answer<typeof statusOperation>;
}

/** One thing a person can do to one credential. */
export interface Doing {
  readonly operation: Operation;
  readonly button: string;
  readonly danger?: boolean;
  /** Why it takes two people; undefined: one may. */
  readonly second?: string;
  readonly happens: (known: Known) => readonly Fragment[];
  readonly done: string;
  /** Is there anything to do it to? */
  readonly offered: (known: Known) => boolean;
  /** What must be chosen, and from what. */
  readonly choice?: {
    readonly name: string;
    readonly label: string;
    readonly among: (known: Known) => readonly string[];
  };
  /** Beside credential, reason and choice. */
  readonly also?: Readonly<Record<string, string>>;
}

const doing = <Input extends z.ZodType, Shape extends z.ZodType>(
  one: Omit<Doing, 'operation'> & { readonly operation: Operation<Input, Shape> },
): Doing => one;

const waits = ({ status: { missing, silence } }: Known): boolean => missing.length + silence.length > 0;

const missingNow = ({ status: { missing, silence } }: Known): Fragment =>
  html`Missing now:
    <ul>
      ${missing.map((one) => html`<li>${one}</li>`)}
      ${silence.map(({ version, missing: why }) => html`<li>silence of <code>${version}</code>: ${why}</li>`)}
    </ul>`;

/** Consumers that have not shown what they must. */
const unproved = ({ view: { consumers } }: Known): readonly string[] =>
  consumers
    .filter(({ waivedBy, proved, instances }) => {
      const present = instances.filter(({ left }) => !left);
      const all = present.length > 0 && present.every((one) => one.proved !== null);
      return waivedBy === null && proved === null && !all;
    })
    .map(({ consumer }) => consumer);

/** The newest earlier version that could be current again. */
const earlier = ({ view: { epochs, versions } }: Known): string | undefined => {
  const alive = new Set(
    versions.filter(({ dead, state }) => dead === null && state !== 'compromised').map(({ id }) => id),
  );
  return epochs.slice(1).find(({ version }) => version !== epochs[0]?.version && alive.has(version))?.version;
};

const byHand = ({ view: { summary } }: Known): readonly string[] =>
  summary.debts.filter((version) => summary.onlyByHand.includes(version));

/** By the last part of its address, in the order of the page: what a held rotation waits for comes first. */
export const doings: Readonly<Record<string, Doing>> = {
  acknowledge: doing({
    operation: acknowledgeOperation,
    button: 'Acknowledge for a consumer',
    happens: () => [
      'Your word is kept as evidence that the consumer uses the new version, under your name.',
      'It is the weakest evidence: it counts only where the inventory demands no more of this consumer.',
    ],
    done: 'your word is in the ledger',
    offered: (known) => known.status.missing.length > 0 && unproved(known).length > 0,
    choice: { name: 'consumer', label: 'Consumer', among: unproved },
  }),
  waive: doing({
    operation: waiveOperation,
    button: 'Waive a consumer',
    danger: true,
    second: 'It goes on without the proof of a consumer.',
    happens: () => [
      'The proof of this consumer is no longer waited for, in this epoch alone.',
      'When nothing else is missing the old version is revoked. If the consumer still uses it, it fails from then on.',
    ],
    done: 'the consumer is waived for this epoch',
    offered: (known) => known.status.missing.length > 0 && unproved(known).length > 0,
    choice: { name: 'consumer', label: 'Consumer', among: unproved },
  }),
  'release-unproved': doing({
    operation: releaseOperation,
    button: 'Release without proof',
    danger: true,
    second: 'It goes on without proof.',
    happens: (known) => [
      missingNow(known),
      'All of this is done without, for this epoch. What comes to be missing later still holds it.',
      'The old version is then revoked for ever. Whoever still uses it fails from then on.',
    ],
    done: 'the rotation goes on without what was missing',
    offered: waits,
    also: { release: 'unproved' },
  }),
  'release-ask': doing({
    operation: releaseOperation,
    button: 'Release: let it revoke',
    happens: ({ status: { summary } }) => [
      `Mode ask stops before it revokes. This lets it go on, for this epoch: ${counted(summary.debts.length, 'old version dies', 'old versions die')}.`,
      'Everything that must be proved still must be.',
    ],
    done: 'it may revoke in this epoch',
    offered: ({ status: { summary, missing } }) =>
      summary.mode === 'ask' && summary.debts.length > 0 && missing.length === 0,
    also: { release: 'ask' },
  }),
  'release-retire': doing({
    operation: releaseOperation,
    button: 'Release the retired entry',
    danger: true,
    happens: () => [
      'Its entry has left the inventory. This lets its versions die, once every running copy has left or is waived.',
      'Nothing replaces them.',
    ],
    done: 'its versions may die',
    offered: ({ status: { summary } }) => summary.status === 'retiring',
    also: { release: 'retire' },
  }),
  'release-alive': doing({
    operation: releaseOperation,
    button: 'Give a version up',
    danger: true,
    second: 'It gives up a version that may be alive.',
    happens: () => [
      'keybaton stops trying to kill this version, and no longer calls it a debt.',
      'If it lives at the provider it lives on: kill it by hand there first.',
    ],
    done: 'the version is given up',
    offered: (known) => byHand(known).length > 0,
    choice: { name: 'version', label: 'Version', among: byHand },
    also: { release: 'alive' },
  }),
  rollback: doing({
    operation: rollbackOperation,
    button: 'Roll back',
    danger: true,
    happens: (known) => [
      html`<code>${earlier(known) ?? 'the earlier version'}</code> becomes current again, in a new epoch, in every
        backend.`,
      'Every consumer must prove it anew. The abandoned version dies after that.',
    ],
    done: 'a roll-back has been asked for',
    offered: (known) => earlier(known) !== undefined,
  }),
  rotate: doing({
    operation: rotateOperation,
    button: 'Rotate now',
    happens: () => [
      'A new version is made and stored, and becomes current.',
      'When every consumer has proved it, and the old one is silent, the old one is revoked.',
    ],
    done: 'a rotation has been asked for',
    offered: ({ status: { summary } }) => summary.status === 'managed',
  }),
  pause: doing({
    operation: pauseOperation,
    button: 'Pause',
    happens: () => [
      'The rotation stops before its next effect, and stays there until the pause is ended.',
      'An emergency goes on all the same.',
    ],
    done: 'it is paused',
    offered: ({ status: { summary } }) => !summary.paused,
  }),
  unpause: doing({
    operation: unpauseOperation,
    button: 'End the pause',
    happens: () => ['The rotation goes on where it stands, and asks anew what is missing.'],
    done: 'the pause has ended',
    offered: ({ status: { summary } }) => summary.paused,
  }),
  freeze: doing({
    operation: freezeOperation,
    button: 'Freeze',
    happens: () => ['Nothing but an emergency is done to this credential until the freeze is ended.'],
    done: 'it is frozen',
    offered: ({ status: { requests, summary } }) => !summary.frozen || !requests.some(({ kind }) => kind === 'freeze'),
  }),
  thaw: doing({
    operation: thawOperation,
    button: 'End the freeze',
    happens: () => ['It rotates again when it is due. A freeze of everything stays as it is.'],
    done: 'the freeze of this credential has ended',
    offered: ({ status: { summary } }) => summary.frozen,
  }),
};
