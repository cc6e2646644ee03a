import { decodeJwt, jwtVerify } from 'jose';
import type { JWTPayload } from 'jose';
import { isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { WorkloadPlace } from './access-file.ts';
import type { AccessReader } from './access-reader.ts';
import type { TokenRecord } from './consumer-tokens.ts';
import { openKeySet } from './key-set.ts';
import type { KeySet } from './key-set.ts';

/** A consumer that shows who it is by the token its platform gave it: Kubernetes, GitHub Actions, GitLab, any issuer with public keys. */
export interface Workloads {
  /** ACCESS_DENIED for anything but a good token of a workload that a rule lets read this credential. UNAVAILABLE while nobody can tell. */
  verify(token: string, credential: CredentialId, now: number): Promise<TokenRecord>;
}

/** Asymmetric ones alone: with the others whoever checks could sign, and `none` is nobody's signature. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
/** Seconds that clocks may differ. */
const clockTolerance = 5;

const refused = (cause?: unknown): KeybatonError =>
  new KeybatonError('ACCESS_DENIED', 'this workload token is not valid for this credential', { cause });

export function openWorkloads(file: AccessReader, now: () => number): Workloads {
  const sets = new Map<string, KeySet>();
  const setOf = (place: string): KeySet => {
    const known = sets.get(place) ?? openKeySet({ place, now });
    sets.set(place, known);
    return known;
  };

  return {
    async verify(token, credential, at) {
      const { workloads } = await file.current();
      const issuer = issuerOf(token);
      const mine = Object.entries(workloads).filter(([, one]) => one.issuer === issuer);
      for (const [name, place] of mine) {
        const claims = await claimsOf(token, place, setOf(place.jwks), at);
        const rule = claims && place.rules.find((one) => one.credential === credential && fits(one, claims));
        if (claims === undefined || rule === undefined) continue;
        return {
          id: `workload:${name}:${String(claims.sub).slice(0, 200)}`,
          credential,
          consumer: rule.consumer,
          madeAt: Number(claims.iat) * 1_000,
          expiresAt: Number(claims.exp) * 1_000,
          madeBy: place.issuer,
        };
      }
      throw refused();
    },
  };
}

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch (cause) {
    throw refused(cause);
  }
}

/** Undefined when this issuer's entry does not take the token: another entry of the same issuer may. */
async function claimsOf(
  token: string,
  { issuer, audience, longest }: WorkloadPlace,
  { getKey }: KeySet,
  now: number,
): Promise<JWTPayload | undefined> {
  try {
    const { payload } = await jwtVerify(token, getKey, {
      issuer,
      audience,
      algorithms,
      clockTolerance,
      currentDate: new Date(now),
      requiredClaims: ['sub', 'iat', 'exp'],
    });
    const { iat = 0, exp = 0 } = payload;
    return (exp - iat) * 1_000 <= longest ? payload : undefined;
  } catch (thrown) {
    if (isKeybatonError(thrown) && thrown.code === 'UNAVAILABLE') throw thrown;
    return undefined;
  }
}

function fits(
  rule: { readonly subject: string; readonly claims: Readonly<Record<string, string>> },
  payload: JWTPayload,
): boolean {
  const exactly = Object.entries(rule.claims).every(
    ([name, value]) => Object.hasOwn(payload, name) && payload[name] === value,
  );
  return exactly && matches(rule.subject, String(payload.sub));
}

/** `*` stands for any part between `:` and `/`, so that a pattern never reaches over the part that it was written for. */
export function matches(pattern: string, subject: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('[^:/]*')}$`).test(subject);
}
