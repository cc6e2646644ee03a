import { z } from 'zod';
import { KeybatonError } from '../../../domain/errors.ts';

/** The fields of an operation's input, each with its schema. */
export function fieldsOf(input: z.ZodType): Readonly<Record<string, z.ZodType>> {
  // Inputs are objects by the table's own test; anything else is our mistake and no caller's.
  if (!(input instanceof z.ZodObject))
    throw new KeybatonError('INVALID_CONFIG', 'the input of an operation is an object');
  return input.shape;
}
