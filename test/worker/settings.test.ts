import { expect, test } from 'vitest';
import { readSettings } from '../../worker/settings.ts';

test('proxies in front of the API are addresses and networks, none unless said', () => {
  const proxies = (said?: string) => readSettings(said === undefined ? {} : { KEYBATON_API_PROXIES: said }).api.proxies;
  expect([proxies(), proxies('')]).toEqual([[], []]);
  expect(proxies('10.0.0.7, 10.1.0.0/16,fd00::/8')).toEqual(['10.0.0.7', '10.1.0.0/16', 'fd00::/8']);
});

test.each(['proxy.example', '0.0.0.0/0', '::/0', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0.0/x'])(
  '%s is no proxy in front of the API: a mistake would let anybody say from where they ask',
  (said) => {
    expect(() => readSettings({ KEYBATON_API_PROXIES: said })).toThrow(/KEYBATON_API_PROXIES wants/);
  },
);

test.each([
  '--heapsnapshot-near-heap-limit=2',
  '--max-old-space-size=512 --heapsnapshot-signal=SIGUSR2',
  '"--abort-on-uncaught-exception"',
  '--abort_on_uncaught_exception',
])('with NODE_OPTIONS %s nothing of ours runs: Node would write the memory that holds secrets to a file', (options) => {
  expect(() => readSettings({ NODE_OPTIONS: options })).toThrow(/secrets too: start keybaton without --/);
});

test.each(['--report-on-signal', '--report-on-fatalerror', '--report_uncaught_exception --report-compact'])(
  'with NODE_OPTIONS %s nothing of ours runs unless the report leaves out the environment, of every thread',
  (options) => {
    expect(() => readSettings({ NODE_OPTIONS: options })).toThrow(/secrets too: .* with --report-exclude-env as well/);
    expect(readSettings({ NODE_OPTIONS: `${options} --report-exclude-env` }).logLevel).toBe('info');
  },
);

test('other options of Node are the operator’s own', () => {
  expect(readSettings({ NODE_OPTIONS: '--max-old-space-size=512 --report-compact' }).logLevel).toBe('info');
});
