import { z } from 'zod';
import { KeybatonError } from '../../../domain/errors.ts';
import { SecretMaterial } from '../../../domain/secret-material.ts';
import type { TargetTraits } from '../../../inventory/adapters.ts';

const value = z
  .string()
  .min(1)
  .max(64 * 1024)
  // eslint-disable-next-line no-control-regex -- a value with a line break or escape sequence is a slip of the paste
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'holds a line break or control character: give the value alone')
  .meta({ writeOnly: true });

/** A pasted value. Our own material from the moment it is read: no error, log or file can hold it by mistake. */
export const leakedValue = value.transform((text) => new SecretMaterial({ 'leaked value': text }, 'leaked value'));

export type MaterialOf = (shape: TargetTraits['material']) => SecretMaterial;

/** The named fields of a value; a function, so that nothing that writes inputs down can write them. */
export const materialFields = z.record(z.string().max(100), value).transform((fields): MaterialOf => {
  return (shape) => {
    const wanted = shape.fields.toSorted().join(', ');
    if (Object.keys(fields).toSorted().join(', ') !== wanted)
      throw new KeybatonError('INVALID_CONFIG', `the fields of this value are ${wanted}: give exactly these`);
    return new SecretMaterial(fields, shape.value);
  };
});
