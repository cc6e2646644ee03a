import type { Store } from './stores.ts';

/** Where a worker is killed: before a call has any effect, or after its effect and before anybody heard of it. */
const provider = [
  'preflight:before',
  'issue:before',
  'issue:after',
  'verify:before',
  'verify:after',
  'revoke:before',
  'revoke:after',
  'list:after',
];
const backend = [
  'probe:after',
  'stage:before',
  'stage:after',
  'describe:after',
  'promote:before',
  'promote:after',
  'destroy:before',
  'destroy:after',
];
const ledger = [
  'startRun:after',
  'planVersion:before',
  'planVersion:after',
  'intend:before',
  'intend:after',
  'issued:before',
  'issued:after',
  'decide:before',
  'decide:after',
  'promoted:before',
  'promoted:after',
  'authorise:before',
  'authorise:after',
  'killBegan:before',
  'killBegan:after',
  'probed:after',
  'dead:before',
  'dead:after',
  'destroyed:before',
  'destroyed:after',
  'endRun:before',
  'endRun:after',
];

export const killPoints: readonly string[] = [
  ...provider.map((point) => `provider.${point}`),
  ...backend.map((point) => `backend.${point}`),
  ...ledger.map((point) => `ledger.${point}`),
];

/** In the operations that change a backend of this kind, and in the middle of each of their writes. */
export function storePoints({ kind, writes }: Pick<Store, 'kind' | 'writes'>): readonly string[] {
  return (['stage', 'promote', 'destroy'] as const).flatMap((operation) => [
    `${kind}.${operation}:before`,
    ...Array.from({ length: writes[operation] }, (_, index) => `${kind}.${operation}:unanswered#${String(index + 1)}`),
    `${kind}.${operation}:after`,
  ]);
}

/** `count` of them, the same for the same seed. */
export function sample(seed: number, count: number): readonly string[] {
  const shuffled = killPoints.map((point, index) => ({ point, order: mixed(seed, index) }));
  return shuffled
    .toSorted((one, other) => one.order - other.order)
    .slice(0, count)
    .map(({ point }) => point);
}

function mixed(seed: number, index: number): number {
  let value = (seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b) >>> 0;
  return (value ^ (value >>> 13)) >>> 0;
}
