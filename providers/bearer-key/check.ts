/** One harmless call with a key: does the vendor take it, and whose does it say it is? */
import { z } from 'zod';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import { shapedAs } from '../../outbound/answer-shape.ts';
import { failureOfStatus } from '../../outbound/http-failure.ts';
import { httpClient, type HttpAnswer } from '../../outbound/http-client.ts';
import type { Call, Verdict } from '../provider.ts';
import type { BearerKeySettings } from './settings.ts';

export interface Checked {
  readonly verdict: Verdict;
  /** As the vendor names it; undefined where it does not. */
  readonly organization: string | undefined;
}

export async function checkKey(settings: BearerKeySettings, material: SecretMaterial, call: Call): Promise<Checked> {
  const { method, path, header, baseUrl, callTimeout } = settings;
  const value = material.revealValue();
  const answer = await httpClient({ baseUrl, timeout: callTimeout }).request({
    method,
    path,
    headers: { [header]: header === 'authorization' ? `Bearer ${value}` : value },
    ...(method === 'POST' && { body: {} }),
    expect: [401, 403],
    // Asking whether a key works changes nothing, whatever the verb.
    mayHaveHappened: false,
    signal: call.signal,
    deadline: call.deadline,
    now: () => call.now(),
  });
  const asked = { what: `${method} ${path}`, mayHaveHappened: false };
  const { status } = answer;
  if (status === 401 || status === 403) {
    inVendorsWords(answer, settings.refused, asked);
    if (settings.refusedStatus.includes(status)) return { verdict: 'refused', organization: undefined };
    if (settings.forbiddenStatus.includes(status)) return { verdict: 'forbidden', organization: undefined };
    throw failureOfStatus(status, asked);
  }
  inVendorsWords(answer, settings.accepted, asked);
  const organization = settings.organization === undefined ? undefined : fieldOf(answer.body, settings.organization);
  return { verdict: 'accepted', ...{ organization: typeof organization === 'string' ? organization : undefined } };
}

function inVendorsWords(answer: HttpAnswer, field: string, asked: { what: string; mayHaveHappened: boolean }): void {
  shapedAs(
    z.unknown().refine((body) => fieldOf(body, field) !== undefined),
    answer,
    asked,
  );
}

function fieldOf(body: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((found, name) => {
    // Whatever the answer is: each field is looked for before it is read.
    const fields = Object(found) as Readonly<Record<string, unknown>>;
    return found !== null && Object.hasOwn(fields, name) ? fields[name] : undefined;
  }, body);
}
