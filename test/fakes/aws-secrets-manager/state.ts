/**
 * The secrets of one account and region. What it does stands on the pages of the API reference
 * (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html, and the others by their names)
 * and of the user guide (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html), read 2026-11.
 */
import { randomBytes } from 'node:crypto';

export interface AwsSettings {
  /** Secrets of an account, and versions of one secret. */
  maxSecrets: number;
  maxVersions: number;
  /** ListSecrets "might not reflect changes from the last five minutes": milliseconds it is behind. */
  listLag: number;
  /** How long an erased secret is still seen as marked for deletion, in milliseconds. */
  eraseLag: number;
  kms: 'works' | 'refused';
}

export interface Version {
  readonly id: string;
  readonly text: string;
  readonly createdAt: number;
  stages: string[];
}

export interface Secret {
  readonly name: string;
  readonly suffix: string;
  readonly createdAt: number;
  versions: Version[];
  deletedAt: number | undefined;
  erasedAt: number | undefined;
}

/** What the service answers instead: an exception by its name. */
export const awsException = (awsType: string, message: string) => Object.assign(new Error(message), { awsType });

export const isAwsException = (thrown: unknown): thrown is ReturnType<typeof awsException> =>
  thrown instanceof Error && 'awsType' in thrown;

export const awsDefaults = (): AwsSettings => ({
  maxSecrets: 500_000,
  maxVersions: 100,
  listLag: 0,
  eraseLag: 0,
  kms: 'works',
});

export function awsState(settings: AwsSettings) {
  const secrets = new Map<string, Secret>();
  /** Which names were there, since when and until when: what a list that lags shows. */
  const history: { readonly name: string; readonly from: number; until: number }[] = [];

  function find(name: string): Secret | undefined {
    const secret = secrets.get(name);
    if (secret?.erasedAt !== undefined && Date.now() >= secret.erasedAt + settings.eraseLag) {
      secrets.delete(name);
      return undefined;
    }
    return secret;
  }

  function named(name: string): Secret {
    const secret = find(name);
    if (!secret) throw awsException('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    return secret;
  }

  function usable(name: string): Secret {
    const secret = named(name);
    if (secret.deletedAt !== undefined) {
      throw awsException(
        'InvalidRequestException',
        "You can't perform this operation on the secret because it was marked for deletion.",
      );
    }
    return secret;
  }

  function kms(type: 'EncryptionFailure' | 'DecryptionFailure'): void {
    if (settings.kms === 'refused') throw awsException(type, 'the key is disabled');
  }

  /** A label lies on one version at a time; moving AWSCURRENT moves AWSPREVIOUS to where it came from. */
  function attach(secret: Secret, version: Version, stage: string): void {
    const before = secret.versions.find((one) => one.stages.includes(stage));
    if (before === version) return;
    if (before) before.stages = before.stages.filter((one) => one !== stage);
    if (stage === 'AWSCURRENT' && before) attach(secret, before, 'AWSPREVIOUS');
    version.stages = [...version.stages, stage];
    if (stage === 'AWSCURRENT') version.stages = version.stages.filter((one) => one !== 'AWSPREVIOUS');
  }

  function add(secret: Secret, token: string, text: string, stages: readonly string[]): Version {
    const there = secret.versions.find((one) => one.id === token);
    if (there) {
      if (there.text === text) return there;
      throw awsException(
        'ResourceExistsException',
        "You can't use ClientRequestToken because that value is already in use for a version of this secret.",
      );
    }
    if (secret.versions.length >= settings.maxVersions) {
      throw awsException('LimitExceededException', 'The request failed because it would exceed a quota.');
    }
    const version: Version = { id: token, text, createdAt: Date.now(), stages: [] };
    secret.versions.push(version);
    for (const stage of stages) attach(secret, version, stage);
    if (secret.versions.length === 1) attach(secret, version, 'AWSCURRENT');
    return version;
  }

  return {
    find,
    named,
    create(name: string, token: string, text: string | undefined): { secret: Secret; version: Version | undefined } {
      kms('EncryptionFailure');
      const there = find(name);
      if (there?.deletedAt !== undefined) {
        throw awsException(
          'InvalidRequestException',
          "You can't create this secret because a secret with this name is already scheduled for deletion.",
        );
      }
      if (there) {
        const same = there.versions.find((one) => one.id === token && one.text === text);
        if (same) return { secret: there, version: same };
        throw awsException('ResourceExistsException', 'The operation failed because the secret already exists.');
      }
      if (secrets.size >= settings.maxSecrets) {
        throw awsException('LimitExceededException', 'The request failed because it would exceed a quota.');
      }
      const secret: Secret = {
        name,
        suffix: randomBytes(3).toString('hex'),
        createdAt: Date.now(),
        versions: [],
        deletedAt: undefined,
        erasedAt: undefined,
      };
      const version = text === undefined ? undefined : add(secret, token, text, ['AWSCURRENT']);
      secrets.set(name, secret);
      history.push({ name, from: Date.now(), until: Infinity });
      return { secret, version };
    },

    get(name: string, id: string | undefined, stage: string | undefined): { secret: Secret; version: Version } {
      const secret = usable(name);
      const label = stage ?? (id === undefined ? 'AWSCURRENT' : undefined);
      const version = secret.versions.find(
        (one) => (id === undefined || one.id === id) && (label === undefined || one.stages.includes(label)),
      );
      if (!version) {
        throw awsException('ResourceNotFoundException', "Secrets Manager can't find the specified secret value.");
      }
      kms('DecryptionFailure');
      return { secret, version };
    },

    put(name: string, token: string, text: string, stages: readonly string[]): { secret: Secret; version: Version } {
      const secret = usable(name);
      kms('EncryptionFailure');
      return { secret, version: add(secret, token, text, stages) };
    },

    move(name: string, stage: string, to: string | undefined, from: string | undefined): Secret {
      const secret = usable(name);
      const there = secret.versions.find((one) => one.stages.includes(stage));
      for (const id of [to, from]) {
        if (id !== undefined && !secret.versions.some((one) => one.id === id)) {
          throw awsException('ResourceNotFoundException', "Secrets Manager can't find the specified secret version.");
        }
      }
      if (from !== undefined ? there?.id !== from : there !== undefined && there.id !== to) {
        throw awsException(
          'InvalidParameterException',
          `The parameter RemoveFromVersionId must name the version that staging label ${stage} is attached to.`,
        );
      }
      if (to === undefined) {
        if (stage === 'AWSCURRENT') {
          throw awsException('InvalidParameterException', 'You can only move staging label AWSCURRENT, not remove it.');
        }
        if (there) there.stages = there.stages.filter((one) => one !== stage);
        return secret;
      }
      const version = secret.versions.find((one) => one.id === to);
      if (version) attach(secret, version, stage);
      return secret;
    },

    remove(name: string, force: boolean): Secret {
      const secret = named(name);
      secret.deletedAt = Date.now();
      if (force) secret.erasedAt = Date.now();
      for (const one of history) if (one.name === name) one.until = Math.min(one.until, Date.now());
      return secret;
    },

    restore(name: string): void {
      named(name).deletedAt = undefined;
      history.push({ name, from: Date.now(), until: Infinity });
    },

    listed(prefixes: readonly string[]): readonly string[] {
      const at = Date.now() - settings.listLag;
      const names = history.filter(({ from, until }) => from <= at && until > at).map(({ name }) => name);
      return [...new Set(names)]
        .filter((name) => prefixes.length === 0 || prefixes.some((prefix) => name.startsWith(prefix)))
        .sort();
    },

    all: () => [...secrets.keys()].map(find).filter((one) => one !== undefined),
  };
}
