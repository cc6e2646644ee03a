/**
 * Whose a slot is. Azure keeps no mark on a key, so the mark is a tag of the account, and it speaks only of the value whose
 * fingerprint it carries: what a person regenerates by hand is nobody's again.
 */
import { createHash } from 'node:crypto';
import { KeybatonError } from '../../domain/errors.ts';
import { isVersionId, type VersionId } from '../../domain/identifiers.ts';
import { versionTag, type VersionTag } from '../../domain/version-tag.ts';
import type { PreflightRequest, Target } from '../provider.ts';
import { slotNames, type AzureApi, type SlotName } from './api.ts';
import type { AzureOpenAiSettings } from './settings.ts';

type AzureTarget = Target<AzureOpenAiSettings>;

/** What is about to happen to the slot, or has. `making` and `ending` are written before the one call that regenerates. */
type Word = 'making' | 'holds' | 'ending' | 'dead';

export interface Slot {
  readonly name: SlotName;
  readonly value: string;
  /** `holds`: a version of some installation. `empty`: a value that nobody was given. `unmarked`: nobody can tell. */
  readonly standing: 'holds' | 'empty' | 'unmarked';
  /** As written, without the fingerprint: what `replaces` compares. */
  readonly written: string | undefined;
  readonly installation: string | undefined;
  readonly version: VersionId | undefined;
}

export const tagName = (slot: SlotName): string => `keybaton-${slot}`;

/** 128 bits, bound to account and slot. The values have as many themselves: nobody finds one by trying. */
export function fingerprintOf(target: AzureTarget, slot: SlotName, value: string): string {
  const { subscription, account } = target.settings;
  const text = ['keybaton', subscription, account, slot, value].join('\0');
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

export async function readSlots(target: AzureTarget, api: AzureApi): Promise<readonly Slot[]> {
  // The tag is written before and after a regeneration, the value only by it: read in this order they never pretend to fit.
  const tags = await api.tags();
  const values = await api.values();
  return slotNames.map((name) => slotOf(target, name, values[name], tags[tagName(name)]));
}

export async function readSlot(target: AzureTarget, api: AzureApi, id: string): Promise<Slot> {
  const found = (await readSlots(target, api)).find(({ name }) => name === id);
  if (found === undefined) throw new KeybatonError('INVALID_CONFIG', `an account has no slot ${id}: Key1 and Key2`);
  return found;
}

function slotOf(target: AzureTarget, name: SlotName, value: string, tag: string | undefined): Slot {
  const [, installation, version = '', word, print] =
    /^([a-z0-9]{4,12}):([a-z0-9]+):(making|holds|ending|dead):([0-9a-f]{32})$/.exec(tag ?? '') ?? [];
  const nobodys = { name, value, written: undefined, installation: undefined, version: undefined };
  if (installation === undefined || !isVersionId(version) || word === undefined) {
    const declared = tag === undefined && target.settings.idle.some((end) => value.endsWith(end));
    return { ...nobodys, standing: declared ? 'empty' : 'unmarked' };
  }
  const same = print === fingerprintOf(target, name, value);
  const marked = { name, value, written: `${installation}:${version}:${word}`, installation, version };
  switch (word) {
    case 'making':
      return { ...marked, standing: same ? 'empty' : 'holds' };
    case 'ending':
      return { ...marked, standing: same ? 'holds' : 'empty' };
    case 'holds':
      return same ? { ...marked, standing: 'holds' } : { ...nobodys, standing: 'unmarked' };
    default:
      return same ? { ...marked, standing: 'empty' } : { ...nobodys, standing: 'unmarked' };
  }
}

/** Speaks of the value that stands there now. */
export async function write(
  target: AzureTarget,
  api: AzureApi,
  { name, value }: Pick<Slot, 'name' | 'value'>,
  version: VersionTag,
  word: Word,
): Promise<void> {
  const mark = versionTag(version.installation, version.version);
  await api.setTag(tagName(name), `${mark}:${word}:${fingerprintOf(target, name, value)}`);
}

/** Its mark as a ref carries it. */
export const markOf = ({ installation, version }: Slot): string | undefined =>
  installation === undefined || version === undefined ? undefined : versionTag(installation, version);

/** The slot that the next version goes into. */
export function freeSlot(target: AzureTarget, slots: readonly Slot[], request: PreflightRequest): Slot {
  const own = versionTag(target.installation, request.version);
  const mine = slots.find((slot) => markOf(slot) === own && slot.standing === 'holds');
  if (mine !== undefined) return mine;
  for (const slot of slots.filter(({ name }) => !request.keep.some(({ id }) => id === name))) {
    if (slot.standing === 'empty') return slot;
    if (slot.standing === 'unmarked' || slot.installation !== target.installation) throw unmarked(target, slot.name);
    if (request.free.some(({ id, mark }) => id === slot.name && mark === markOf(slot))) return slot;
  }
  throw new KeybatonError(
    'CAPACITY_EXHAUSTED',
    `no slot of ${target.settings.account} is free: each holds a version that is not proved dead`,
  );
}

export const unmarked = ({ settings }: AzureTarget, slot: string): KeybatonError =>
  new KeybatonError(
    'CONFLICT',
    `${slot} of ${settings.account} has no mark of this installation for the value it holds: import it if it is in use, or name its last characters under idle if nobody holds it`,
  );
