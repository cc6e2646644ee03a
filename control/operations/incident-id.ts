import { KeybatonError } from '../../domain/errors.ts';

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
const shape = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** `i20260131-4f9k2m7c`: sorts by day, fits a file name and a workflow id. */
export function incidentIdFrom(now: number, random: Uint8Array): string {
  const day = new Date(now).toISOString().slice(0, 10).replaceAll('-', '');
  const tail = Array.from(random.subarray(0, 8), (byte) => letters[byte % letters.length]).join('');
  return `i${day}-${tail}`;
}

/** Throws INVALID_CONFIG without repeating what was typed. */
export function parseIncidentId(text: string): string {
  if (shape.test(text)) return text;
  throw new KeybatonError('INVALID_CONFIG', 'that is no incident: see what there is with keybaton incident list');
}
