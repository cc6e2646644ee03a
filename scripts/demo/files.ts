/** The two files of this run, as a platform team and an application team write them. */
export const shop = 'postgres-roles/demo/shop';
export const assistant = 'openai/demo/assistant';

/** How long the old login must be silent before it dies, and how often keybaton then looks, in milliseconds. */
export const silence = 5_000;
export const interval = silence / 10;

export interface Places {
  readonly proxyPort: number;
  readonly openAiUrl: string;
  readonly databaseAdmin: string;
  readonly openAiAdmin: string;
  readonly vault: string;
  /** A segment of the path at which the shop's login is kept: a control value of the search. */
  readonly pathControl: string;
}

export const targetsFile = (places: Places): string => `targets:
  shop-database:
    provider: postgres-roles
    environment: demo
    admin: file:${places.databaseAdmin}
    teams: [shop]
    settings:
      host: 127.0.0.1
      port: ${places.proxyPort}
      database: shop
      group: shop
      pair: [shop_a, shop_b]
      tls: 'off'
      callTimeout: 4000
  openai-demo:
    provider: openai
    environment: demo
    admin: file:${places.openAiAdmin}
    teams: [shop]
    settings:
      project: proj_demo
      baseUrl: ${places.openAiUrl}
      createSpread: 0
      revokeSpread: 0
      lateCreate: 0
      usageLag: 0
      callTimeout: 3000
backends:
  vault:
    kind: embedded
    settings: { file: ${places.vault} }
`;

/** Further keys that nobody but a nightly job reads. */
export const jobs = Array.from({ length: 12 }, (_, index) => `openai/demo/job-${String(index + 1).padStart(2, '0')}`);

const jobEntry = (id: string, every: string): string => `  ${id}:
    target: openai-demo
    team: shop
    schedule: { every: ${every} }
    backends: [vault]
    consumers: { none: a job that reads its key anew each night }
    silence: { no: a job that reads its key anew each night }
    soak: 0s
`;

/** With the jobs, and how old the key of each may become. */
export const inventoryWithJobs = (places: Places, everyOf: (id: string) => string): string =>
  `${inventoryFile(places)}${jobs.map((id) => jobEntry(id, everyOf(id))).join('')}`;

export const inventoryFile = (places: Places): string => `teams: [shop]
credentials:
  ${shop}:
    target: shop-database
    team: shop
    schedule: { every: 90d }
    backends: [{ backend: vault, path: ai/demo/${places.pathControl} }]
    consumers:
      - { name: web, deadline: 8s }
      - { name: orders, deadline: 8s }
      - { name: reports, deadline: 8s }
    silence: ${silence}ms
    soak: 1s
  ${assistant}:
    target: openai-demo
    team: shop
    schedule: { every: 90d }
    backends: [vault]
    consumers:
      - { name: chat, deadline: 8s }
    silence: 4s
    soak: 0s
`;

export const queries: Readonly<Record<'web' | 'orders' | 'reports', string>> = {
  web: 'select item from orders where id = 1 + floor(random() * 499)',
  orders: 'select count(*) from orders',
  // As another role: what the login may do there was granted to it by hand.
  reports: 'set role reporting; select sum(total) from sales; reset role',
};
