import type { z } from 'zod';
import type { FakeAnswer, FakeRequest, Operation } from '../fake-server.ts';
import type { keyStore } from '../key-store.ts';

/** One of the vendors behind the address; undefined: not a path of this one. */
export type VendorPart = (request: FakeRequest, world: VendorWorld) => Operation | undefined;

export interface VendorWorld {
  readonly store: ReturnType<typeof keyStore>;
  readonly adminKey: string;
}

/**
 * Holds a request to what the vendor's page describes: a key of the body or query that is not there, or of another type,
 * is answered as an invalid request, so that a declaration with a slip cannot pass.
 */
export function described<Shape>(
  schema: z.ZodType<Shape>,
  given: unknown,
  invalid: (words: string) => FakeAnswer,
  perform: (body: Shape) => FakeAnswer,
): FakeAnswer {
  const read = schema.safeParse(given);
  return read.success ? perform(read.data) : invalid(read.error.issues.map(({ path }) => path.join('.')).join(', '));
}

export const queryOf = ({ query }: FakeRequest): Record<string, string> => Object.fromEntries(query);

export const header = ({ headers }: FakeRequest, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
};
