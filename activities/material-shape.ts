import { KeybatonError } from '../domain/errors.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import { looksLike } from './fingerprint.ts';
import type { BoundProvider } from './ports.ts';

/** Is what was pasted material of this provider at all? Throws VERIFICATION_FAILED, naming fields and never their content. */
export function refuseMisshapen({ name, material: shape }: BoundProvider, material: SecretMaterial): void {
  const given = [...material.fieldNames()].sort();
  const expected = [...shape.fields].sort();
  if (given.length !== expected.length || given.some((field, index) => field !== expected[index]))
    throw new KeybatonError(
      'VERIFICATION_FAILED',
      `material of ${name} has the fields ${shape.fields.join(', ')}, and other ones were given`,
    );
  if (material.valueFieldName() !== shape.value)
    throw new KeybatonError('VERIFICATION_FAILED', `the field of ${name} that is the value is ${shape.value}`);
  if (!looksLike(shape.pattern, material))
    throw new KeybatonError(
      'VERIFICATION_FAILED',
      `the value does not look like one of ${name}: look whether all of it was pasted, and nothing else`,
    );
}
