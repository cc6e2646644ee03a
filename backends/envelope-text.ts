import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import type { VersionId } from '../domain/identifiers.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import type { Envelope } from './backend.ts';
import type { StoredFields } from './main-place.ts';

const shape = z.object({
  keybaton_version: z.string(),
  ref: z.object({ id: z.string(), mark: z.string().optional(), parent: z.string().optional() }),
  value: z.string(),
  fields: z.record(z.string(), z.string()),
});

/** An envelope as the one text that a store keeps. */
export function envelopeText({ version, ref, material }: Envelope): string {
  return JSON.stringify({
    keybaton_version: version,
    ref,
    value: material.valueFieldName(),
    fields: material.reveal(),
  });
}

/** CONFLICT when the text is not what we wrote for this version. */
export function envelopeIn(text: string, version: VersionId): Envelope {
  const read = shape.safeParse(json(text));
  if (!read.success || read.data.keybaton_version !== version) {
    throw new KeybatonError(
      'CONFLICT',
      `the staged copy of version ${version} was changed by hand: destroy that version`,
    );
  }
  const { ref, value, fields } = read.data;
  const { id, mark, parent } = ref;
  return {
    version,
    ref: { id, ...(mark !== undefined && { mark }), ...(parent !== undefined && { parent }) },
    material: new SecretMaterial(fields, value),
  };
}

/** The fields that a text holds as a JSON object; undefined when it is anything else. */
export function fieldsIn(text: string): StoredFields | undefined {
  const read = z.record(z.string(), z.unknown()).safeParse(json(text));
  return read.success ? read.data : undefined;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, so it is dropped here.
    return undefined;
  }
}
