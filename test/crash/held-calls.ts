import { join } from 'node:path';

/** Which point of which credential is held, by the credential's label. */
export type Armed = Readonly<Record<string, string>>;

export const armedFile = (folder: string): string => join(folder, 'armed.json');
/** One label a line: a call of it is held. */
export const arrivedFile = (folder: string): string => join(folder, 'arrived');

/** One file a credential whose answers from the backend are held, with how many writes must have had their effect before. */
export const muteFolder = (folder: string): string => join(folder, 'mute');
/** `backend.stage:unanswered#2`: the call is in the middle of its second write. */
export const unansweredWrite = (
  point: string | undefined,
): { readonly call: string; readonly write: string } | undefined => {
  const [, call, write] = /^(.+):unanswered#(\d+)$/.exec(point ?? '') ?? [];
  return call === undefined || write === undefined ? undefined : { call, write };
};

/** A credential's last part: its target, its path and its provider's world are named by it too. */
export const labelOf = (credential: string): string => credential.split('/').at(-1) ?? credential;
