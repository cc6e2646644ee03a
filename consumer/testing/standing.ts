import { randomBytes } from 'node:crypto';
import { problem } from '../problem.ts';
import { possessionProof } from '../proof.ts';

/** One generation of the pretended credential. Test values: nothing hides them. */
export interface FakeVersion {
  readonly version: string;
  readonly fields: Readonly<Record<string, string>>;
  /** The name of the field that proofs are made from. */
  readonly value: string;
}

export interface FakeMissing {
  readonly consumer: string;
  readonly instance: string | undefined;
  readonly why: 'no instance' | 'not proved' | 'withdrawn';
}

export interface FakeReport {
  readonly consumer: string;
  readonly instance: string;
  readonly what: string;
  readonly version: string;
  readonly epoch: number;
}

/** What the API answers instead: a status and a code of keybaton's error table. */
export const refusal = (status: number, code: string, detail: string): Error => problem(code, detail, status);

interface Shown {
  readonly version: FakeVersion;
  readonly epoch: number;
}

type Body = Readonly<Record<string, unknown>>;

/** What the pretended keybaton knows of one credential, and its judgement of proofs. */
export function openStanding(credential: string, consumers: readonly string[]) {
  const tokens = new Map<string, string>();
  const compromised = new Set<string>();
  const instances = new Map<string, { consumer: string; name: string; boot: string; until: number; left: boolean }>();
  const evidence = new Map<string, boolean>();
  const reports: FakeReport[] = [];
  const reads: { readonly consumer: string; readonly version: string }[] = [];
  const listeners = new Set<() => void>();
  let epoch = 0;
  let decided: FakeVersion | undefined;
  let shown: Shown | undefined;
  let before: Shown | undefined;

  const changed = (): void => listeners.forEach((listener) => listener());
  const text = (body: Body, name: string): string => {
    const value = body[name];
    if (typeof value === 'string') return value;
    throw refusal(400, 'INVALID_CONFIG', `${name} is missing`);
  };
  const whole = (body: Body, name: string): number => {
    const value = body[name];
    if (Number.isSafeInteger(value)) return value as number;
    throw refusal(400, 'INVALID_CONFIG', `${name} is missing`);
  };
  const placeOf = (consumer: string, name: string): string => `${consumer}\0${name}`;
  const evidenceOf = (at: number, consumer: string, name: string): string =>
    `${String(at)}\0${placeOf(consumer, name)}`;

  function missing(): readonly FakeMissing[] {
    return consumers.flatMap((consumer): readonly FakeMissing[] => {
      const own = [...instances.values()].filter((one) => one.consumer === consumer);
      if (own.length === 0) return [{ consumer, instance: undefined, why: 'no instance' }];
      return own.flatMap(({ name, left }) => {
        const proved = evidence.get(evidenceOf(epoch, consumer, name));
        if (left || proved === true) return [];
        return [{ consumer, instance: name, why: proved === undefined ? 'not proved' : 'withdrawn' }];
      });
    });
  }

  function checkBoot(consumer: string, name: string, boot: string): void {
    const known = instances.get(placeOf(consumer, name));
    if (known === undefined || known.left || known.boot !== boot)
      throw refusal(409, 'CONFLICT', 'this start of the instance is not registered: register it first');
  }

  return {
    reports,
    reads,
    missing,
    onChange(listener: () => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    token(consumer: string): string {
      if (!consumers.includes(consumer)) throw new Error(`${consumer} is no consumer of this credential`);
      const token = `kbc_${randomBytes(32).toString('base64url')}`;
      tokens.set(token, consumer);
      return token;
    },
    consumerOf(authorization: string): string {
      const consumer = tokens.get(authorization.replace(/^Bearer /, ''));
      if (consumer !== undefined) return consumer;
      throw refusal(403, 'ACCESS_DENIED', 'this token is refused for this credential');
    },
    decide(version: FakeVersion): number {
      epoch += 1;
      decided = version;
      changed();
      return epoch;
    },
    show(): void {
      if (decided === undefined) throw new Error('no version was decided');
      before = shown;
      shown = { version: decided, epoch };
      changed();
    },
    compromise: (version: string) => void compromised.add(version),
    standing: () => ({ epoch, version: decided?.version ?? null }),
    instances: () =>
      [...instances.values()].filter(({ left }) => !left).map(({ consumer, name }) => `${consumer}/${name}`),

    previous() {
      if (before === undefined || compromised.has(before.version.version))
        throw refusal(404, 'NOT_FOUND', 'there is no previous version to fall back to');
      return { version: before.version.version, epoch: before.epoch };
    },
    secret(consumer: string, which: string) {
      const given = which === 'current' ? shown : before;
      if (given === undefined || (which === 'previous' && compromised.has(given.version.version)))
        throw refusal(404, 'NOT_FOUND', `there is no ${which} version`);
      const { version, fields, value } = given.version;
      reads.push({ consumer, version });
      return { version, epoch: given.epoch, value, fields };
    },
    beat(consumer: string, name: string, body: Body) {
      const [boot, lease] = [text(body, 'boot'), whole(body, 'lease')];
      const known = instances.get(placeOf(consumer, name));
      if (known !== undefined && known.boot !== boot && !known.left && known.until > Date.now())
        throw refusal(409, 'CONFLICT', `${consumer}/${name} is still beating under another boot`);
      instances.set(placeOf(consumer, name), { consumer, name, boot, until: Date.now() + lease, left: false });
      changed();
      return { leaseUntil: Date.now() + lease };
    },
    leave(consumer: string, name: string): undefined {
      const known = instances.get(placeOf(consumer, name));
      if (known === undefined) throw refusal(404, 'NOT_FOUND', 'no such instance ever registered');
      known.left = true;
      changed();
      return undefined;
    },
    prove(consumer: string, body: Body) {
      const [instance, version, at] = [text(body, 'instance'), text(body, 'version'), whole(body, 'epoch')];
      const [boot, proof] = [text(body, 'boot'), text(body, 'proof')];
      if (at !== epoch || decided === undefined) throw refusal(409, 'CONFLICT', 'this epoch is not the newest');
      const wanted = possessionProof(decided.fields[decided.value] ?? '', {
        ...{ credential, version: decided.version, epoch, consumer, instance },
      });
      if (version !== decided.version || proof !== wanted)
        throw refusal(422, 'VERIFICATION_FAILED', 'the proof is not one for this version and instance');
      checkBoot(consumer, instance, boot);
      evidence.set(evidenceOf(epoch, consumer, instance), true);
      changed();
      return { version, epoch, missing: missing().length };
    },
    report(consumer: string, body: Body) {
      const [instance, version, at] = [text(body, 'instance'), text(body, 'version'), whole(body, 'epoch')];
      const what = text(body, 'what');
      checkBoot(consumer, instance, text(body, 'boot'));
      reports.push({ consumer, instance, what, version, epoch: at });
      evidence.set(evidenceOf(at, consumer, instance), false);
      changed();
      return { what, version, epoch: at };
    },
  };
}

export type Standing = ReturnType<typeof openStanding>;
