/** Fields of a body that may be anything; a missing name is refused as the vendor refuses it. */
import { refusal } from './state.ts';

export const field = (body: unknown, name: string): unknown => Object(body)[name];

export function text(body: unknown, name: string): string {
  const found = field(body, name);
  if (typeof found !== 'string' || found === '')
    throw refusal({ status: 400, code: null, message: `${name} is required` });
  return found;
}

export function number(body: unknown, name: string): number | undefined {
  const found = field(body, name);
  return found === undefined || found === null ? undefined : Number(found);
}

export function texts(body: unknown, name: string): readonly string[] | undefined {
  const found = field(body, name);
  return Array.isArray(found) ? found.map(String) : undefined;
}
