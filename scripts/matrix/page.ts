import { format } from 'prettier';
import { backendRegistry } from '../../backends/registry.ts';
import { valueRevokers } from '../../providers/registry.ts';
import { backendKitTests, kitTests, providerFacts, type ProviderFacts, type Reach } from './adapter-facts.ts';
import { againstIn, kitFile, type Against } from './kit-files.ts';
import type { KitResult, KitResults } from './kit-results.ts';

const opening = `# What every adapter can do

Made by \`node scripts/write-matrix.ts\` from the adapters themselves (their traits and operations, in the setting that their page shows
first) and from what the conformance kit said of them (\`conformance.json\`). A test fails when it is stale.

## Providers

How to read it: **issue** says who makes the value: the vendor, keybaton, or a person. **by tag**: keys carry a tag of ours by which they
are found; else by what a list did not show before. **suspend** and **un-suspend**: a reversible revoke. **by value**: killed by showing
the leaked value to the vendor. **bounds**: settings that limit rights or cost of a key when it is made. **closes connections**: open
sessions can be ended. **create twice**: how a create whose answer was lost ends with one key. **kit**: tests of the conformance kit that
passed, of those that fit the adapter. **against**: what answered.
`;

const backendOpening = `
## Backends

Every backend is held to the same kit; which tests one leaves out, and why, is below.
`;

const missing: Readonly<Record<Reach, string>> = {
  loseAnswer: 'the answer of a create cannot be lost here',
  silent: 'nothing here takes a call and stays silent',
  use: 'no consumer uses a key here',
  supply: 'nobody supplies a key here',
  eraseMark: 'no mark can be taken away here',
};

/** The page for these results and the adapters that are registered now. */
export function matrixPage(results: KitResults): Promise<string> {
  const facts = providerFacts();
  const providerKits = facts.map((one) => kitOf('providers', one.name, kitTests(one), results.providers[one.name]));
  const everyBackend = new Map([...backendKitTests].map((name) => [name, undefined] as const));
  const backendKits = Object.keys(backendRegistry).map((name) =>
    kitOf('backends', name, everyBackend, results.backends[name]),
  );
  const text = [
    opening,
    table([providerHead, ...facts.map((one, index) => providerCells(one, providerKits[index]))]),
    '\nVendors that kill a value they are shown, whoever made it: ' + valueRevokers.map(revokerLink).join(', ') + '.\n',
    ...leftOut('Tests of the kit that did not run over a provider', providerKits),
    backendOpening,
    table([
      ['backend', 'kit', 'against'],
      ...backendKits.map((kit) => [link('backends', kit.name, `${kit.name}.md`), kit.count, kit.against]),
    ]),
    ...leftOut('Tests of the kit that did not run over a backend', backendKits),
  ].join('\n');
  return format(text, { parser: 'markdown', printWidth: 120 });
}

const providerHead = [
  ...['provider', 'topology', 'most at once', 'issue', 'list', 'by tag', 'suspend', 'un-suspend', 'revoke', 'by value'],
  ...[
    'last use',
    'expiry at issue',
    'bounds at issue',
    'kill switch',
    'closes connections',
    'create twice',
    'kit',
    'against',
  ],
];

function providerCells({ name, page, provider, traits, bounds, killsByValue }: ProviderFacts, kit: Kit | undefined) {
  const yes = (there: boolean): string => (there ? 'yes' : '–');
  const lists = traits.lists !== false;
  return [
    link('providers', name, page),
    traits.topology,
    traits.maxLive === undefined ? 'not known' : String(traits.maxLive),
    provider.issue === undefined ? 'a person' : provider.generate === undefined ? 'the vendor' : 'keybaton',
    yes(lists),
    yes(traits.tagged),
    yes(provider.suspend !== undefined),
    yes(provider.resume !== undefined),
    lists ? 'yes' : 'a person',
    yes(killsByValue),
    traits.usage === undefined ? '–' : `${traits.usage.kind}, ${lagText(traits.usage.lag)}`,
    yes(traits.expiry),
    bounds.length === 0 ? '–' : bounds.map((bound) => `\`${bound}\``).join(', '),
    provider.killSwitches === undefined
      ? '–'
      : Object.keys(provider.killSwitches)
          .map((one) => `\`${one}\``)
          .join(', '),
    yes(provider.endSessions !== undefined),
    traits.createIdempotency,
    kit?.count ?? '–',
    kit?.against ?? '–',
  ];
}

function lagText(lag: number): string {
  if (lag === 0) return 'at once';
  const minutes = Math.round(lag / 60_000);
  return minutes < 120 ? `${minutes} min late` : `${Math.round(minutes / 60)} h late`;
}

interface Kit {
  readonly name: string;
  readonly count: string;
  readonly against: string;
  /** By test: why it did not run. */
  readonly left: readonly (readonly [test: string, why: string])[];
}

function kitOf(
  folder: 'providers' | 'backends',
  name: string,
  fitting: ReadonlyMap<string, Reach | undefined>,
  result: KitResult | undefined,
): Kit {
  const file = kitFile(folder, name);
  if (file === undefined || result === undefined) return { name, count: 'not run', against: '–', left: [] };
  const { passed, skipped } = result;
  const all = new Set([...fitting.keys(), ...passed, ...Object.keys(skipped)]);
  const left = [...all]
    .filter((test) => !passed.includes(test))
    .map((test) => {
      const needs = fitting.get(test);
      return [test, skipped[test] ?? (needs === undefined ? 'not recorded' : missing[needs])] as const;
    });
  return { name, count: `${passed.length} of ${all.size}`, against: againstText(againstIn(file.file)), left };
}

function againstText(against: Against): string {
  switch (against.kind) {
    case 'itself':
      return 'itself';
    case 'fake':
      return "a fake, from the vendor's pages";
    case 'described':
      return `a fake, held to \`${against.by}\``;
    case 'real':
      return 'a real server';
  }
}

function leftOut(heading: string, kits: readonly Kit[]): readonly string[] {
  const lines = kits.flatMap(({ name, left }) => {
    const reasons = Map.groupBy(left, ([, why]) => why);
    return [...reasons].map(
      ([why, tests]) => `- \`${name}\`: ${why}: ${tests.map(([test]) => `_${test}_`).join('; ')}`,
    );
  });
  return lines.length === 0 ? [] : [`\n### ${heading}\n`, ...lines];
}

const link = (folder: string, name: string, page: string): string => `[${name}](${folder}/${page})`;
const revokerLink = ({ name }: { readonly name: string }): string => link('providers', name, `${name}.md`);

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
