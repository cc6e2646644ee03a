import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import { isVersionId } from '../domain/identifiers.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import { httpClient } from '../outbound/http-client.ts';

/**
 * Endpoint evidence: a consumer's own HTTP endpoint, named as a probe in targets.yml, says which version each of its
 * instances uses. It is the consumer's word, not a proof. The probe is asked with `?credential=...` and answers
 *
 *     {"instances": [{"instance": "web-0", "version": "kb...", "epoch": 7}]}
 *
 * or, where one address is one instance, that object alone. `keybaton_version` and `keybaton_epoch`, which lie beside
 * every stored secret, are what it passes on.
 */
export interface InstanceReport {
  readonly instance: string;
  readonly version: VersionId;
  readonly epoch: number;
}

export interface AskEndpoint {
  /** From targets.yml; never an address of the inventory's own. */
  readonly probe: string;
  readonly credential: CredentialId;
  readonly signal: AbortSignal;
  /** Milliseconds for the whole call: 5 000. */
  readonly timeout?: number;
}

const report = z.object({
  instance: z.string().min(1).max(128),
  version: z.string().refine(isVersionId),
  // Stored beside the secret as text, so it may come back as text.
  epoch: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
});
const answer = z.union([
  z.object({ instances: z.array(report).max(10_000) }),
  report.transform((one) => ({ instances: [one] })),
]);

/**
 * What the endpoint says of each instance behind it. One call, no redirect. Errors of the client as they are;
 * VERIFICATION_FAILED when it answers something else than reports. No answer is never read as "uses it".
 */
export async function askEndpoint({
  probe,
  credential,
  signal,
  timeout = 5_000,
}: AskEndpoint): Promise<readonly InstanceReport[]> {
  const { origin, pathname, searchParams } = new URL(probe);
  const { body } = await httpClient({ baseUrl: origin, timeout, responseLimit: 2 * 1_048_576 }).request({
    method: 'GET',
    path: pathname,
    query: { ...Object.fromEntries(searchParams), credential },
    signal,
  });
  const read = answer.safeParse(body);
  if (read.success) return read.data.instances;
  throw new KeybatonError(
    'VERIFICATION_FAILED',
    `the probe at ${new URL(probe).host} answers something else than instances with their version and epoch: see docs/consumers.md`,
  );
}

/** The instances that use exactly this version under exactly this epoch. An older epoch of the same version is no evidence. */
export function shownBy(
  reports: readonly InstanceReport[],
  wanted: { readonly version: VersionId; readonly epoch: number },
): readonly string[] {
  const using = ({ version, epoch }: InstanceReport): boolean => version === wanted.version && epoch === wanted.epoch;
  // An instance that is named twice must use it in both: behind one name there may be two processes.
  const not = new Set(reports.filter((one) => !using(one)).map(({ instance }) => instance));
  return [...new Set(reports.filter(using).map(({ instance }) => instance))].filter((instance) => !not.has(instance));
}
