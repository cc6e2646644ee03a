import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import type { Backend, BackendCall, Envelope, Place } from '../../backends/backend.ts';
import { type ErrorCode, isKeybatonError } from '../../domain/errors.ts';
import { type VersionId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { holdsAnyForm } from './canary-forms.ts';
import type { BackendSubject, BackendSuiteSetup } from './setup.ts';

/** What one test works with. Every value made here is a canary that may come out nowhere but in the store. */
export interface Bench {
  readonly subject: BackendSubject;
  readonly backend: Backend;
  /** With a mapping: a whole field, a part of a longer text, and one without secret. */
  readonly place: Place;
  call(overrides?: Partial<BackendCall>): BackendCall;
  /** A new version with its own value. The extra field shows what happens to a field that the next version lacks. */
  make(extra?: { readonly field: string }): Made;
  /** What consumers must read for this version under `place`. */
  rendered(made: Made): Readonly<Record<string, string>>;
  staged(made: Made, place?: Place): Promise<Made>;
  promote(made: Made, epoch: number, expected?: Made, place?: Place): Promise<void>;
  /** Staged and promoted. */
  current(made: Made, epoch: number, expected?: Made): Promise<Made>;
  /** Asserts that consumers read exactly this version and epoch, without showing any value when they do not. */
  consumersRead(made: Made, epoch: number): Promise<void>;
  /** Asserts that a call throws this code, and that nothing of the error holds material. */
  refused(code: ErrorCode, promise: Promise<unknown>): Promise<void>;
  /** The same of something thrown already. */
  isError(code: ErrorCode, reason: unknown): void;
  holdsCanary(text: string): boolean;
}

export interface Made {
  readonly version: VersionId;
  readonly envelope: Envelope;
  readonly fields: Readonly<Record<string, string>>;
  readonly value: string;
}

export function createBench(subject: BackendSubject, setup: BackendSuiteSetup, canaries: string[]): Bench {
  const { backend } = subject;
  const place: Place = {
    ...subject.place,
    fields: {
      PASSWORD: '{password}',
      DATABASE_URL: 'postgres://{username}:{password|url}@db.example/app',
      DATABASE_USER: '{username}',
    },
  };

  const bench: Bench = {
    subject,
    backend,
    place,
    call(overrides = {}) {
      return {
        signal: AbortSignal.timeout(30_000),
        deadline: Date.now() + 30_000,
        now: () => Date.now(),
        ...overrides,
      };
    },
    make(extra) {
      const core = randomBytes(12).toString('hex');
      canaries.push(core);
      const version = versionIdFrom(randomBytes(64));
      const value = `canary${core}/+ "ü{x}`;
      const fields = { username: `app_${version.slice(2, 8)}`, password: value, ...(extra && { [extra.field]: core }) };
      const envelope = {
        version,
        ref: { id: fields.username, mark: 'kit' },
        material: new SecretMaterial(fields, 'password'),
      };
      return { version, envelope, fields, value };
    },
    rendered: ({ fields, value }) => ({
      PASSWORD: value,
      DATABASE_URL: `postgres://${fields['username'] ?? ''}:${encodeURIComponent(value)}@db.example/app`,
      DATABASE_USER: fields['username'] ?? '',
    }),
    async staged(made, where = place) {
      await backend.stage(where, made.envelope, bench.call());
      return made;
    },
    promote: (made, epoch, expected, where = place) =>
      backend.promote(
        where,
        {
          version: made.version,
          epoch,
          expected: expected?.version,
          ...(!backend.readable && { envelope: made.envelope }),
        },
        bench.call(),
      ),
    async current(made, epoch, expected) {
      await bench.staged(made);
      await bench.promote(made, epoch, expected);
      return made;
    },
    async consumersRead(made, epoch) {
      const read = await subject.consumerReads(place.path);
      assert.ok(read !== undefined, 'consumers find nothing at the main place');
      for (const [name, value] of Object.entries(bench.rendered(made))) {
        assert.ok(read[name] === value, `consumers read another ${name} than the one of version ${made.version}`);
      }
      assert.equal(read['keybaton_version'], made.version);
      assert.equal(String(read['keybaton_epoch']), String(epoch));
      const main = (await backend.describe(place, bench.call())).main;
      if (backend.readable) assert.deepEqual(main, { kind: 'ours', version: made.version, epoch });
      else assert.equal(main.kind, 'unknown');
    },
    async refused(code, promise) {
      const thrown = await promise.then(
        () => undefined,
        (reason: unknown) => ({ reason }),
      );
      assert.ok(thrown !== undefined, `expected ${code}, but the call succeeded`);
      bench.isError(code, thrown.reason);
    },
    isError(code, reason) {
      assert.ok(!bench.holdsCanary(shown(reason)), 'an error holds material');
      assert.ok(isKeybatonError(reason), `expected a KeybatonError, got ${shown(reason)}`);
      assert.ok(reason.code === code, `expected ${code}, got ${reason.code}: ${reason.message}`);
    },
    holdsCanary: (text) => canaries.some((core) => holdsAnyForm(text, core)),
  };
  return bench;
}

/** All of an error that a logger could ever print: hidden properties and the chain of causes too. */
export function shown(thrown: unknown): string {
  const stack = thrown instanceof Error ? `${thrown.message}\n${thrown.stack ?? ''}\n` : '';
  return stack + inspect(thrown, { depth: 10, showHidden: true, maxStringLength: null, maxArrayLength: null });
}
