import { z } from 'zod';
import { accessFileSchema } from './access-file.ts';

/** JSON Schema of `access.yml`, for editors: what may stand where, and what it means. */
export function accessJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(accessFileSchema, { io: 'input', unrepresentable: 'any' });
  return { ...schema, title: 'keybaton access' };
}
