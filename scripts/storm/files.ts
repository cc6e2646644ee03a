/** The two files of a storm, as people would write and edit them. */
export const calm = {
  shop: 'postgres-roles/storm/shop',
  assistant: 'openai/storm/assistant',
} as const;
/** Those that leak, some of them together. */
export const leaky = [
  'postgres-roles/storm/till',
  'openai/storm/leaky-1',
  'openai/storm/leaky-2',
  'openai/storm/leaky-3',
] as const;
/** Waits before each revocation for a person. */
export const careful = 'openai/storm/careful';
export const jobs: readonly string[] = Array.from(
  { length: 8 },
  (_, index) => `openai/storm/job-${String(index + 1).padStart(2, '0')}`,
);

/** What people change of the inventory while it blows. */
export interface Edits {
  /** How old a key may become, by credential, as the file says it; 90 days unless said. */
  readonly every: ReadonlyMap<string, string>;
  /** Entries of a moment: made, and removed again. */
  readonly extra: readonly string[];
  /** Jobs with a consumer that never comes: a person waives it. */
  readonly withAbsent: readonly string[];
}

export interface Places {
  readonly databasePort: number;
  readonly openAiUrl: string;
  readonly databaseAdmin: string;
  readonly openAiAdmin: string;
  readonly vault: string;
}

const pair = (places: Places, name: string): string => `  ${name}-database:
    provider: postgres-roles
    environment: storm
    admin: file:${places.databaseAdmin}
    teams: [storm]
    settings:
      host: 127.0.0.1
      port: ${places.databasePort}
      database: shop
      group: ${name}
      pair: [${name}_a, ${name}_b]
      tls: 'off'
      callTimeout: 8000
`;

const project = (places: Places, name: string): string => `  openai-${name}:
    provider: openai
    environment: storm
    admin: file:${places.openAiAdmin}
    teams: [storm]
    settings:
      project: proj_${name}
      baseUrl: ${places.openAiUrl}
      createSpread: 0
      revokeSpread: 0
      lateCreate: 0
      usageLag: 0
      callTimeout: 5000
`;

export const targetsFile = (places: Places): string => `targets:
${pair(places, 'shop')}${pair(places, 'till')}${['calm', 'leaky', 'jobs'].map((name) => project(places, name)).join('')}backends:
  vault:
    kind: embedded
    settings: { file: ${places.vault} }
`;

const noReason = 'a job that reads its key anew at each run';

export function inventoryFile(edits: Edits): string {
  const entry = (id: string, target: string, lines: readonly string[]): string =>
    [
      `  ${id}:`,
      `target: ${target}`,
      'team: storm',
      `schedule: { every: ${edits.every.get(id) ?? '90d'} }`,
      'backends: [vault]',
      ...lines,
      '',
    ].join('\n    ');
  const used = (consumer: string, silence = '2s', soak = '0s'): readonly string[] => [
    'consumers:',
    `  - { name: ${consumer}, deadline: 60s }`,
    `silence: ${silence}`,
    `soak: ${soak}`,
  ];
  const unused = (id: string): readonly string[] => [
    edits.withAbsent.includes(id)
      ? 'consumers: [{ name: absent, kind: job, deadline: 60s }]'
      : `consumers: { none: ${noReason} }`,
    `silence: { no: ${noReason} }`,
    'soak: 0s',
  ];
  const name = (id: string): string => id.split('/')[2] ?? '';
  return `teams: [storm]
credentials:
${entry(calm.shop, 'shop-database', used('shop', '2s', '1s'))}
${entry(calm.assistant, 'openai-calm', used('assistant'))}
${leaky.map((id) => entry(id, id.startsWith('openai') ? 'openai-leaky' : 'till-database', used(name(id)))).join('\n')}
${entry(careful, 'openai-calm', ['mode: ask', ...unused(careful)])}
${[...jobs, ...edits.extra].map((id) => entry(id, 'openai-jobs', unused(id))).join('\n')}
`;
}
