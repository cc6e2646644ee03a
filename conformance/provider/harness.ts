import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as pauseFor } from 'node:timers/promises';
import { isKeybatonError } from '../../domain/errors.ts';
import type { ErrorCode, KeybatonError } from '../../domain/errors.ts';
import type { Ref } from '../../domain/facts.ts';
import { parseCredentialId, versionIdFrom } from '../../domain/identifiers.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type {
  Baseline,
  Call,
  IssueRequest,
  Issued,
  LiveCredential,
  Provider,
  Target,
  Traits,
  Verdict,
} from '../../providers/provider.ts';
import { assertClean, forget, watchValue } from './canaries.ts';

/** What the author of an adapter gives, so that the kit can reach the world around it. */
export interface ProviderSuiteOptions<Settings> {
  /** The adapter under test. */
  create(): Provider<Settings>;
  /** Settings like those of `target`: the traits they give decide which tests there are. */
  settings: Settings;
  /** An empty place at the provider with a working admin credential; asked anew for each test. */
  target(): Promise<Target<Settings>> | Target<Settings>;
  /** The same place, where nobody listens. */
  unreachable(target: Target<Settings>): Target<Settings>;
  /** The same place behind something that takes the call and never answers. */
  silent?(target: Target<Settings>): Promise<Target<Settings>> | Target<Settings>;
  /** Operator-supplied: what a person does at the console. Gives the fresh key. */
  supply?(target: Target<Settings>): Promise<SecretMaterial>;
  /** Uses the material as a consumer would, so that the last-use signal moves. `sample`: keeps a session open until the provider ends it. */
  use?(target: Target<Settings>, material: SecretMaterial): Promise<ConsumerUse>;
  /** Lets the next `issue` take effect and loses its answer. */
  loseAnswer?(target: Target<Settings>): Promise<void> | void;
  /** Takes our mark off a slot, as a person with a console might. */
  eraseMark?(target: Target<Settings>, ref: Ref): Promise<void> | void;
  /** A ref that the provider never gave. Default: the ref with another id, which suits providers that do not check its form. */
  unknownRef?(ref: Ref): Ref;
  /** Milliseconds that the kit waits for a call that ought to give up by itself. Default: 30 s, far above any honest adapter's time. */
  patience?: number;
  /** After each test. */
  close?(target: Target<Settings>): Promise<void> | void;
  /** The clock that the adapter lives by, and how to let it pass. Default: the real one. */
  clock?: { now(): number; pause(milliseconds: number): Promise<void> };
  /** Tests that this provider cannot pass, each with the reason; a name that is not in the suite is an error. */
  skips?: readonly { readonly reason: string; readonly tests: readonly string[] }[];
}

export interface ConsumerUse {
  /** `sample`: is the session still open? */
  isOpen(): Promise<boolean> | boolean;
}

export interface ConformanceTest {
  readonly name: string;
  run(): Promise<void>;
  /** Why it is not to be run. */
  readonly skipped?: string;
}

/** Everything a single test needs, over one fresh target. */
export interface Bench<Settings> {
  readonly provider: Provider<Settings>;
  readonly target: Target<Settings>;
  readonly traits: Traits;
  readonly options: ProviderSuiteOptions<Settings>;
  call(changes?: Partial<Call>): Call;
  version(): VersionId;
  preflight(version: VersionId, keep?: readonly Ref[], free?: readonly Ref[]): Promise<Baseline>;
  /** The request that the workflow would send: plan, then generate where the adapter can. */
  plan(version: VersionId, keep?: readonly Ref[], free?: readonly Ref[]): Promise<IssueRequest>;
  /** One more version, accepted. Operator-supplied: supplied and adopted. */
  make(version?: VersionId, keep?: readonly Ref[], free?: readonly Ref[]): Promise<Made>;
  verdictOf(material: SecretMaterial): Promise<Verdict>;
  /** Asks until the verdict is this one, no longer than the declared spread. */
  expectVerdict(material: SecretMaterial, verdict: Verdict, within: number): Promise<void>;
  live(): Promise<readonly LiveCredential[]>;
  findLive(ref: Ref): Promise<LiveCredential | undefined>;
}

export interface Made extends Issued {
  readonly version: VersionId;
}

export const credential = parseCredentialId('conformance/test/kit');

const realClock = { now: () => Date.now(), pause: (milliseconds: number) => pauseFor(milliseconds) };

const patience = 30_000;

export async function withBench<Settings>(
  options: ProviderSuiteOptions<Settings>,
  test: (bench: Bench<Settings>) => Promise<void>,
): Promise<void> {
  const target = await options.target();
  try {
    watchValue(await target.admin());
    await test(bench(options, target));
  } catch (thrown) {
    // A runner prints what fails.
    assertClean(thrown, 'what an operation throws');
    throw thrown;
  } finally {
    await options.close?.(target);
    forget();
  }
}

function bench<Settings>(options: ProviderSuiteOptions<Settings>, target: Target<Settings>): Bench<Settings> {
  const provider = options.create();
  const traits = provider.traits(target.settings);
  const clock = options.clock ?? realClock;

  const call = (changes: Partial<Call> = {}): Call => ({
    signal: new AbortController().signal,
    deadline: clock.now() + traits.callTimeout,
    now: () => clock.now(),
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
    ...changes,
  });
  const version = (): VersionId => versionIdFrom(new Uint8Array(randomBytes(64)));
  const preflight: Bench<Settings>['preflight'] = (id, keep = [], free = []) =>
    provider.preflight(target, { credential, version: id, keep, free }, call());

  async function plan(id: VersionId, keep: readonly Ref[] = [], free: readonly Ref[] = []): Promise<IssueRequest> {
    const { place, replaces } = await preflight(id, keep, free);
    const generated = provider.generate?.(target, {
      version: id,
      place,
      random: (bytes) => new Uint8Array(randomBytes(bytes)),
    });
    if (generated !== undefined) watchValue(generated.material);
    return {
      credential,
      version: id,
      place,
      ...(replaces !== undefined && { replaces }),
      ...(generated !== undefined && { generated }),
    };
  }

  async function make(id = version(), keep: readonly Ref[] = [], free: readonly Ref[] = []): Promise<Made> {
    const issued = await (provider.issue === undefined
      ? adoptSupplied(id, keep)
      : provider.issue(target, await plan(id, keep, free), call()));
    watchValue(issued.material);
    await expectVerdict(issued.material, 'accepted', traits.createSpread);
    return { ...issued, version: id };
  }

  async function adoptSupplied(id: VersionId, known: readonly Ref[]): Promise<Issued> {
    const material = await needed(options.supply?.(target), 'supply');
    watchValue(material);
    return needed(provider.adopt?.bind(provider), 'adopt')(
      target,
      { credential, version: id, material, known },
      call(),
    );
  }

  const verdictOf = (material: SecretMaterial): Promise<Verdict> => provider.verify(target, material, call());

  async function expectVerdict(material: SecretMaterial, verdict: Verdict, within: number): Promise<void> {
    const until = clock.now() + within;
    for (;;) {
      const answer = await verdictOf(material);
      if (answer === verdict) return;
      assert.ok(clock.now() < until, `verify must say ${verdict} within ${within} ms, but says ${answer}`);
      await clock.pause(Math.max(1, Math.min(within / 10, until - clock.now())));
    }
  }

  const live = (): Promise<readonly LiveCredential[]> => provider.list(target, call());
  const findLive = async (ref: Ref): Promise<LiveCredential | undefined> =>
    (await live()).find((one) => one.ref.id === ref.id && (ref.mark === undefined || one.ref.mark === ref.mark));

  return {
    provider,
    target,
    traits,
    options,
    call,
    version,
    preflight,
    plan,
    make,
    verdictOf,
    expectVerdict,
    live,
    findLive,
  };
}

/** An optional thing that must be there for this test. */
export function needed<Thing>(thing: Thing | undefined, name: string): Thing {
  assert.ok(thing !== undefined, `${name} is missing: this provider's traits or operations demand it`);
  return thing;
}

/** It must reject with one of these codes, as a KeybatonError, and in bounded time. Answers the error. */
export async function rejects(
  what: string,
  doing: Promise<unknown>,
  ...codes: readonly ErrorCode[]
): Promise<KeybatonError> {
  const thrown = await inTime(
    doing.then(
      () => assert.fail(`${what} must throw ${codes.join(' or ')}, but it answered`),
      (error: unknown) => error,
    ),
  );
  assert.ok(isKeybatonError(thrown), `${what} must throw a KeybatonError and nothing else`);
  assert.ok(codes.includes(thrown.code), `${what} must throw ${codes.join(' or ')}, but it threw ${thrown.code}`);
  assertClean(thrown, `what ${what} throws`);
  return thrown;
}

/** What must end by itself: a call that outlives the kit's patience hangs. */
export async function inTime<Answer>(doing: Promise<Answer>, within = patience): Promise<Answer> {
  const stop = new AbortController();
  try {
    return await Promise.race([
      doing,
      pauseFor(within, undefined, { signal: stop.signal }).then(() =>
        assert.fail('the call hangs: it ignores its deadline and its signal'),
      ),
    ]);
  } finally {
    stop.abort();
  }
}

/** Compared here, so that no failing assertion prints the two. */
export function sameValue(one: SecretMaterial, other: SecretMaterial): boolean {
  return one.revealValue() === other.revealValue();
}

/** The same target with an admin credential of the same fields that nobody knows. */
export function wrongAdmin<Settings>(target: Target<Settings>): Target<Settings> {
  return {
    ...target,
    async admin() {
      const right = await target.admin();
      const wrong = Object.fromEntries(
        Object.entries(right.reveal()).map(([name, value]) => [
          name,
          name === right.valueFieldName() ? tampered(value) : value,
        ]),
      );
      const material = new SecretMaterial(wrong, right.valueFieldName());
      watchValue(material);
      return material;
    },
  };
}

/** The same material with a value that nobody issued, of the same form. */
export function tamperedMaterial(material: SecretMaterial): SecretMaterial {
  const field = material.valueFieldName();
  return new SecretMaterial({ ...material.reveal(), [field]: tampered(material.revealValue()) }, field);
}

/** Its last twelve letters and digits changed, each within its class. */
function tampered(value: string): string {
  const kept = value.slice(0, -12);
  return (
    kept +
    value
      .slice(-12)
      .replace(/[a-z]/g, (letter) => (letter === 'q' ? 'x' : 'q'))
      .replace(/[A-Z]/g, (letter) => (letter === 'Q' ? 'X' : 'Q'))
      .replace(/\d/g, (digit) => (digit === '7' ? '3' : '7'))
  );
}
