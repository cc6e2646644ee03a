import { describe, expect, test } from 'vitest';
import { complaints, entryText, onlyEntry, targetsText } from './reading.ts';

const cluster = (lines = '    namespaces: { team-a: [search] }\n') => `${targetsText}clusters:\n  here:\n${lines}`;
const workload = (more: string, demand = 'rolled-out') =>
  entryText(`consumers: [{ name: web, demand: ${demand}, kubernetes: { ${more} } }]`);
const whole = 'cluster: here, namespace: team-a, workload: deployment/web, externalSecret: bot, restart: rollout';

test('a consumer names its workload in a cluster, and its Secret has the name of its ExternalSecret', () => {
  const { consumers } = onlyEntry({ targets: cluster(), inventory: workload(whole) });
  expect(consumers).toMatchObject([
    {
      demand: 'rolled-out',
      kubernetes: {
        cluster: 'here',
        namespace: 'team-a',
        workload: { kind: 'deployment', name: 'web' },
        externalSecret: 'bot',
        secret: 'bot',
        restart: 'rollout',
      },
    },
  ]);
});

describe('apply refuses', () => {
  test.each([
    [
      'rolled-out without a workload',
      cluster(),
      entryText('consumers: [{ name: web, demand: rolled-out }]'),
      'rolled-out needs kubernetes',
    ],
    [
      'rolled-out of what nobody restarts',
      cluster(),
      workload(whole.replace('rollout', 'none')),
      'rolled-out cannot be shown with restart: none',
    ],
    [
      'a cluster that is not there',
      targetsText,
      workload(whole),
      'no such cluster in targets.yml: expected one of none',
    ],
    [
      'a cluster by the name of what every object has',
      cluster(),
      workload(whole.replace('here', 'constructor')),
      'no such cluster',
    ],
    [
      'a namespace of nobody',
      cluster(),
      workload(whole.replace('team-a', 'kube-system')),
      'cluster here lets team search name no workload there',
    ],
    [
      "another team's namespace",
      cluster('    namespaces: { team-a: [support] }\n'),
      workload(whole),
      'cluster here lets team search name no workload there',
    ],
    [
      'a cluster of another environment',
      cluster('    environment: test\n    namespaces: { team-a: [search] }\n'),
      workload(whole),
      'only for environment test',
    ],
    [
      'a workload of a kind that is not followed',
      cluster(),
      workload(whole.replace('deployment/web', 'cronjob/web')),
      'expected deployment/, statefulset/, daemonset/ and a name',
    ],
    [
      'neither ExternalSecret nor Secret',
      cluster(),
      workload(whole.replace('externalSecret: bot, ', '')),
      'expected externalSecret, secret, or both',
    ],
    [
      "an API server's address of the inventory's own",
      cluster(),
      workload(`${whole}, server: 'https://evil.example'`),
      'unknown key: expected one of cluster, namespace',
    ],
    [
      'an API server in clear text',
      cluster("    server: 'http://10.0.0.1'\n    namespaces: { team-a: [search] }\n"),
      workload(whole),
      'expected the https address of an API server',
    ],
    [
      'a token in the place of its reference',
      cluster('    admin: eyJhbGciOi\n    namespaces: { team-a: [search] }\n'),
      workload(whole),
      'expected a reference to a token of the cluster',
    ],
    [
      'a token that lies in a backend',
      cluster('    admin: vault:vault/x#y\n    namespaces: { team-a: [search] }\n'),
      workload(whole),
      'expected env:NAME or file:/absolute/path',
    ],
  ])('%s', (_what, targets, inventory, says) => {
    const said = complaints({ targets, inventory });
    expect(said.join('\n')).toContain(says);
    expect(said.join('\n')).not.toContain('eyJ');
  });
});

test('what is told of new versions may still have to prove them', () => {
  expect(
    complaints({ targets: cluster(), inventory: workload(whole.replace('rollout', 'none'), 'possession') }),
  ).toEqual([]);
});
