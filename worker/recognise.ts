import { randomBytes } from 'node:crypto';
import { looksLike } from '../activities/fingerprint.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import type { ProviderFactory } from '../providers/provider.ts';
import type { ValueRevoker } from '../providers/value-revoker.ts';

export type Recognised =
  /** Several: a person must tell. */
  { readonly kind: 'key'; readonly providers: readonly string[] } | { readonly kind: 'other'; readonly what: string };

export interface Recogniser {
  /** `names` are those of path and field, which tell where a shape alone does not. Undefined: it looks like nothing known. */
  recognise(material: SecretMaterial, names: readonly string[]): Recognised | undefined;
}

/** What has a shape of its own, and belongs into no inventory as it stands. */
const others: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /^sk-admin-[\w-]{20,}/, what: 'an admin key of openai: refer to it as admin of a target' },
  { pattern: /^sk-ant-admin01-[\w-]{20,}/, what: 'an admin key of anthropic: refer to it as admin of a target' },
  { pattern: /^postgres(?:ql)?:\/\/[^\s/]+:[^\s/]+@/, what: 'a login of PostgreSQL: see provider postgres-roles' },
  { pattern: /^(?:mysql|mariadb):\/\/[^\s/]+:[^\s/]+@/, what: 'a login of MariaDB or MySQL: see provider mariadb' },
  { pattern: /^rediss?:\/\/[^\s/]*:[^\s/]+@/, what: 'a login of Redis: see provider redis' },
  { pattern: /^amqps?:\/\/[^\s/]+:[^\s/]+@/, what: 'a login of RabbitMQ: see provider rabbitmq' },
  { pattern: /^-----BEGIN [A-Z ]*PRIVATE KEY-----/, what: 'a private key' },
];

interface Shape {
  readonly provider: string;
  readonly pattern: RegExp;
  /** Words of its name: what a path or field would say. */
  readonly words: readonly string[];
  /** Random words have this shape too. */
  readonly generic: boolean;
}

/** By the shapes that providers document, as emergencies recognise a leaked value. */
export function recogniser(
  providers: Readonly<Record<string, ProviderFactory>>,
  revokers: readonly ValueRevoker[],
): Recogniser {
  const shapes = Object.entries(providers).flatMap(([provider, make]): readonly Shape[] => {
    const { pattern } = make().material;
    if (pattern === undefined) return [];
    return [
      { provider, pattern, words: wordsIn(provider).filter((word) => !dull.has(word)), generic: isGeneric(pattern) },
    ];
  });
  const known = [
    ...others,
    ...revokers
      .filter(({ pattern }) => !shapes.some((shape) => shape.pattern.source === pattern.source))
      .map(({ pattern, name }) => ({ pattern, what: `a token of ${name}: killed when it leaks, and not rotated` })),
  ];

  return {
    recognise(material, names) {
      const fitting = shapes.filter(({ pattern }) => looksLike(pattern, material));
      const telling = fitting.filter(({ generic }) => !generic);
      if (telling.length > 0) return { kind: 'key', providers: telling.map(({ provider }) => provider) };
      const other = known.find(({ pattern }) => looksLike(pattern, material));
      if (other !== undefined) return { kind: 'other', what: other.what };
      const said = new Set(names.flatMap(wordsIn));
      const named = fitting
        .map((shape) => ({ ...shape, hits: shape.words.filter((word) => said.has(word)).length }))
        .filter(({ hits }) => hits > 0);
      const most = Math.max(...named.map(({ hits }) => hits));
      const likeliest = named.filter(({ hits }) => hits === most).map(({ provider }) => provider);
      return likeliest.length === 0 ? undefined : { kind: 'key', providers: likeliest };
    },
  };
}

const wordsIn = (name: string): readonly string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');

const dull = new Set(['api', 'key', 'keys', 'cloud', 'roles']);

/** A shape that a hexadecimal word made by chance has too tells nothing by itself. */
function isGeneric(pattern: RegExp): boolean {
  const hex = randomBytes(150).toString('hex');
  return Array.from({ length: 280 }, (_, n) => n + 8).some((length) => hex.slice(0, length).search(pattern) === 0);
}
