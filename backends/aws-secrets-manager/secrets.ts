import { KeybatonError } from '../../domain/errors.ts';
import type { BackendCall } from '../backend.ts';
import type { SecretsClient } from './secrets-client.ts';

/** One version as Secrets Manager shows it; `text` is undefined for a binary one. */
export interface SecretVersion {
  readonly id: string;
  readonly text: string | undefined;
  readonly stages: readonly string[];
  /** Epoch milliseconds, where AWS says it. */
  readonly writtenAt: number | undefined;
}

/** What we need of Secrets Manager. Every error is a KeybatonError, and absent is only what AWS calls so. */
export interface Secrets {
  /** By label or by version id. `absent`: no such secret, or nothing under that label. `deleted`: it waits for its end. */
  read(
    name: string,
    which: { stage: string } | { version: string },
    call: BackendCall,
  ): Promise<SecretVersion | 'absent' | 'deleted'>;
  /** Version ids with their labels; undefined when there is no such secret. */
  labels(name: string, call: BackendCall): Promise<ReadonlyMap<string, readonly string[]> | undefined>;
  /** Names that begin so; all of them for an empty prefix. Up to five minutes behind, says AWS. */
  list(prefix: string, call: BackendCall): Promise<readonly string[]>;
  /** A secret with its first version, which is current at once. */
  create(name: string, token: string, text: string, call: BackendCall): Promise<'created' | 'exists'>;
  /** A version more, under AWSPENDING; a secret's first is current as well. `taken`: this id has other content. */
  put(
    name: string,
    token: string,
    text: string,
    call: BackendCall,
  ): Promise<{ readonly stages: readonly string[] } | 'taken'>;
  /** Moves or takes away a label. `moved`: it does not lie where `from` says, and nothing was changed. */
  move(
    name: string,
    stage: string,
    versions: { to?: string; from?: string | undefined },
    call: BackendCall,
  ): Promise<'done' | 'moved'>;
  /** Without a recovery window. Gone already is success. */
  erase(name: string, call: BackendCall): Promise<void>;
}

const absent = 'ResourceNotFoundException';
const exists = 'ResourceExistsException';
/** A secret that waits for its deletion, among other reasons: DescribeSecret tells. */
const notNow = 'InvalidRequestException';

export const pending = 'AWSPENDING';
export const current = 'AWSCURRENT';

/** Bytes that a secret may have. */
const largest = 65_536;

export function createSecrets(send: SecretsClient, kmsKeyId: string | undefined): Secrets {
  function fitting(name: string, text: string): string {
    if (Buffer.byteLength(text) <= largest) return text;
    throw new KeybatonError(
      'INVALID_CONFIG',
      `${name} would be larger than the ${String(largest)} bytes that AWS keeps`,
    );
  }

  async function describe(name: string, call: BackendCall) {
    const done = await send(
      {
        what: `DescribeSecret ${name}`,
        writes: false,
        expect: [absent],
        send: (sdk, client, prepare, options) =>
          client.send(prepare(new sdk.DescribeSecretCommand({ SecretId: name })), options),
      },
      call,
    );
    return 'answer' in done ? done.answer : undefined;
  }

  return {
    async read(name, which, call) {
      const where = 'stage' in which ? { VersionStage: which.stage } : { VersionId: which.version };
      const done = await send(
        {
          what: `GetSecretValue ${name}`,
          writes: false,
          expect: [absent, notNow],
          send: (sdk, client, prepare, options) =>
            client.send(prepare(new sdk.GetSecretValueCommand({ SecretId: name, ...where })), options),
        },
        call,
      );
      if ('answer' in done) {
        const { VersionId: id, SecretString: text, VersionStages: stages = [], CreatedDate: written } = done.answer;
        if (id === undefined)
          throw new KeybatonError('UNAVAILABLE', `AWS answered GetSecretValue ${name} without a version`);
        return { id, text, stages, writtenAt: written?.getTime() };
      }
      if (done.exception === absent) return 'absent';
      const described = await describe(name, call);
      if (described === undefined) return 'absent';
      if (described.DeletedDate !== undefined) return 'deleted';
      throw new KeybatonError('CONFLICT', `AWS does not show ${name} now: another AWS service manages it`);
    },

    async labels(name, call) {
      const described = await describe(name, call);
      return described && new Map(Object.entries(described.VersionIdsToStages ?? {}));
    },

    async list(prefix, call) {
      const names: string[] = [];
      let next: string | undefined;
      do {
        const token: string | undefined = next;
        const done = await send(
          {
            what: `ListSecrets ${prefix}`,
            writes: false,
            send: (sdk, client, prepare, options) =>
              client.send(
                prepare(
                  new sdk.ListSecretsCommand({
                    ...(prefix !== '' && { Filters: [{ Key: 'name', Values: [prefix] }] }),
                    MaxResults: 100,
                    ...(token !== undefined && { NextToken: token }),
                  }),
                ),
                options,
              ),
          },
          call,
        );
        if (!('answer' in done)) break;
        for (const { Name: name } of done.answer.SecretList ?? []) if (name !== undefined) names.push(name);
        next = done.answer.NextToken;
      } while (next !== undefined);
      return names.filter((name) => name.startsWith(prefix));
    },

    async create(name, token, text, call) {
      const input = {
        Name: name,
        ClientRequestToken: token,
        SecretString: fitting(name, text),
        ...(kmsKeyId !== undefined && { KmsKeyId: kmsKeyId }),
      };
      const done = await send(
        {
          what: `CreateSecret ${name}`,
          writes: true,
          expect: [exists],
          send: (sdk, client, prepare, options) => client.send(prepare(new sdk.CreateSecretCommand(input)), options),
        },
        call,
      );
      return 'answer' in done ? 'created' : 'exists';
    },

    async put(name, token, text, call) {
      const input = {
        SecretId: name,
        ClientRequestToken: token,
        SecretString: fitting(name, text),
        VersionStages: [pending],
      };
      const done = await send(
        {
          what: `PutSecretValue ${name}`,
          writes: true,
          expect: [exists],
          send: (sdk, client, prepare, options) => client.send(prepare(new sdk.PutSecretValueCommand(input)), options),
        },
        call,
      );
      return 'answer' in done ? { stages: done.answer.VersionStages ?? [] } : 'taken';
    },

    async move(name, stage, { to, from }, call) {
      const input = {
        SecretId: name,
        VersionStage: stage,
        ...(to !== undefined && { MoveToVersionId: to }),
        ...(from !== undefined && { RemoveFromVersionId: from }),
      };
      const done = await send(
        {
          what: `UpdateSecretVersionStage ${name}`,
          writes: true,
          // The first when the label lies elsewhere, the second when a version is not there any more.
          expect: ['InvalidParameterException', absent],
          send: (sdk, client, prepare, options) =>
            client.send(prepare(new sdk.UpdateSecretVersionStageCommand(input)), options),
        },
        call,
      );
      return 'answer' in done ? 'done' : 'moved';
    },

    async erase(name, call) {
      await send(
        {
          what: `DeleteSecret ${name}`,
          writes: true,
          expect: [absent, notNow],
          send: (sdk, client, prepare, options) =>
            client.send(
              prepare(new sdk.DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true })),
              options,
            ),
        },
        call,
      );
    },
  };
}
