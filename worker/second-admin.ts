import type { BoundProvider } from '../activities/ports.ts';
import { codeOf } from '../domain/errors.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';

/** The first admin credential, or the second where the first cannot be read. */
export async function eitherAdmin(
  first: () => Promise<SecretMaterial>,
  second: () => Promise<SecretMaterial>,
): Promise<SecretMaterial> {
  try {
    return await first();
  } catch (thrown) {
    // Which of them is missing is said of the first, the one that people expect to be used.
    return second().catch(() => {
      throw thrown;
    });
  }
}

/**
 * A target with two admin credentials: what the provider denies the first (it leaked and was revoked, say) is asked with
 * the second. A denial has no effect, so nothing is made twice. `verify` asks with the version's own value: never twice.
 */
export function withSecondAdmin(first: BoundProvider, second: BoundProvider): BoundProvider {
  const { issue, recover, suspend, resume, usage, adopt, extend, excess } = first;
  return {
    ...first,
    preflight: (request, call) => denied(first.preflight(request, call), () => second.preflight(request, call)),
    revoke: (ref, call) => denied(first.revoke(ref, call), () => second.revoke(ref, call)),
    list: (call) => denied(first.list(call), () => second.list(call)),
    issue: issue && ((request, call) => denied(issue(request, call), () => second.issue?.(request, call))),
    recover: recover && ((ref, call) => denied(recover(ref, call), () => second.recover?.(ref, call))),
    suspend: suspend && ((ref, call) => denied(suspend(ref, call), () => second.suspend?.(ref, call))),
    resume: resume && ((ref, call) => denied(resume(ref, call), () => second.resume?.(ref, call))),
    usage: usage && ((ref, call) => denied(usage(ref, call), () => second.usage?.(ref, call))),
    adopt: adopt && ((request, call) => denied(adopt(request, call), () => second.adopt?.(request, call))),
    extend: extend && ((ref, at, call) => denied(extend(ref, at, call), () => second.extend?.(ref, at, call))),
    excess: excess && ((call) => denied(excess(call), () => second.excess?.(call))),
  };
}

async function denied<Value>(asked: Promise<Value>, again: () => Promise<Value> | undefined): Promise<Value> {
  try {
    return await asked;
  } catch (thrown) {
    if (codeOf(thrown) !== 'ACCESS_DENIED') throw thrown;
    const answer = again();
    if (answer === undefined) throw thrown;
    return answer;
  }
}
