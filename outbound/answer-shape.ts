import type { ZodType } from 'zod';
import { failureWithoutAnswer } from './http-failure.ts';
import type { HttpAnswer } from './http-client.ts';

/**
 * The body as `schema` describes it. Another shape is no answer: AMBIGUOUS where the call may have had an effect, else
 * UNAVAILABLE; what the body was stays out of the error.
 */
export function shapedAs<Shape>(
  schema: ZodType<Shape>,
  answer: HttpAnswer,
  call: { readonly what: string; readonly mayHaveHappened: boolean },
): Shape {
  const read = schema.safeParse(answer.body);
  if (read.success) return read.data;
  throw failureWithoutAnswer(`answered ${answer.status} in a shape we do not know`, call);
}
