import { describe, expect, test } from 'vitest';
import { checked, complaints, targetsText } from './reading.ts';

const withNotify = (...lines: readonly string[]) => ({
  targets: [targetsText.trimEnd(), 'notify:', ...lines.map((line) => `  ${line}`), ''].join('\n'),
});

describe('notify', () => {
  test('may be absent: nobody outside is told', () => {
    expect(checked({}).targets.notify).toEqual({});
  });

  test('fills in what each kind of channel is told', () => {
    const { notify } = checked(
      withNotify(
        'on-call: { kind: pager-duty, secret: env:PAGER }',
        'room: { kind: slack, channel: C0123ABCD, secret: file:/run/slack, tells: { rotations: true } }',
        'audit: { kind: webhook, url: "https://siem.example/hook", secret: env:HOOK }',
      ),
    ).targets;
    expect(notify).toMatchObject({
      'on-call': {
        address: 'https://events.pagerduty.com',
        tells: { alarms: 'pages', incidents: true, drills: false, rotations: true },
      },
      room: { tells: { alarms: 'all', incidents: true, drills: true, rotations: true } },
      audit: { tells: { alarms: 'all', incidents: true, drills: true, rotations: true } },
    });
  });

  test.each([
    [
      'a secret in the place of a reference, without repeating it',
      'room: { kind: slack, channel: C0123ABCD, secret: xoxb-1234 }',
      'expected a reference to a bot token',
    ],
    ['a kind it does not know', 'room: { kind: pigeon, secret: env:A }', 'webhook, pager-duty or slack'],
    [
      'an address with a query, which may hold a secret',
      'audit: { kind: webhook, url: "https://siem.example/hook?key=1", secret: env:HOOK }',
      'without user, password, query or fragment',
    ],
    ['a reference to no backend', 'room: { kind: pager-duty, secret: "vault:nowhere/a#b" }', 'not in this file'],
    [
      'a channel by its name',
      'room: { kind: slack, channel: "#alerts", secret: env:A }',
      'expected the id of a channel',
    ],
    ['a key it does not know', 'room: { kind: pager-duty, secret: env:A, token: env:B }', 'unknown key'],
  ])('refuses %s', (_what, line, says) => {
    const found = complaints(withNotify(line)).join('\n');
    expect(found).toContain(says);
    expect(found).toContain('notify.');
    expect(found).not.toContain('xoxb-1234');
  });
});
