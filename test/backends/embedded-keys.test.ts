import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { embeddedBackend } from '../../backends/embedded.ts';
import { embeddedVault } from '../../backends/embedded/vault.ts';
import type { KeyChangeStep } from '../../backends/embedded/change-key.ts';
import { type KeysRig, openKeysRig } from './embedded-keys-rig.ts';
import { call, key, make } from './embedded-subject.ts';
import { testPlace as place } from './in-memory-subject.ts';

let rig: KeysRig;
beforeEach(() => {
  rig = openKeysRig();
});
afterEach(() => rig.close());

describe('changing the key of the embedded vault', () => {
  it('seals every row anew, drops the former key, and leaves nothing of it in the file or its log', async () => {
    const all = await rig.promoted(3);
    const [former] = rig.keyIds();
    const old = rig.blobs(
      'SELECT sealed FROM staged UNION ALL SELECT sealed FROM main UNION ALL SELECT sealed FROM keys',
    );
    expect(old.every((blob) => rig.onDisk().includes(blob))).toBe(true);
    const changed = await rig.vault.changeKey(call());
    expect(changed).toEqual({ key: expect.any(String), dropped: [former], rows: 6, wentOn: false });
    expect([rig.keyIds(), rig.namedIds()]).toEqual([[changed.key], [changed.key]]);
    expect(old.filter((blob) => rig.onDisk().includes(blob))).toEqual([]);
    await rig.ensureReadable(all);
  });

  it('writes under the new key at once, also by another process that had the vault open before', async () => {
    const other = embeddedVault(rig.file, () => key);
    const all = await rig.promoted(1);
    await rig.ensureReadable(all, embeddedBackend('other', other));
    const steps: KeyChangeStep[] = [];
    let seen: unknown;
    await rig.vault.changeKey(call(), (step) => {
      steps.push(step);
      if (step !== 'made') return;
      other.write(call(), (store) => store.addEnvelope({ ...place, path: 'ai/prod/beside' }, make()));
      seen = rig.raw((open) => open.prepare("SELECT key_id FROM staged WHERE path = 'ai/prod/beside'").pluck().get());
    });
    expect(rig.keyIds()).toEqual([seen]);
    expect(steps).toContain('inside-rows');
    await rig.ensureReadable(all, embeddedBackend('other', other));
    other.close();
  });

  it('goes over many rows in small transactions', async () => {
    rig.vault.write(call(), (store) => {
      for (let n = 0; n < 230; n += 1) store.addGeneration({ ...place, path: `ai/prod/${String(n)}` }, { a: 'b' }, 0);
    });
    const steps: KeyChangeStep[] = [];
    expect(await rig.vault.changeKey(call(), (step) => steps.push(step))).toMatchObject({ rows: 230 });
    expect(steps.filter((step) => step === 'inside-rows').length).toBeGreaterThan(3);
  });

  it('keeps the former key while a row that somebody changed does not open, names its place, and ends when it is gone', async () => {
    const [first, second] = await rig.promoted(2);
    rig.raw((open) => open.prepare('UPDATE staged SET sealed = zeroblob(64) WHERE version = ?').run(first?.version));
    await expect(rig.vault.changeKey(call())).rejects.toMatchObject({
      code: 'VERIFICATION_FAILED',
      message: expect.stringContaining(place.path) as string,
    });
    expect(rig.keyIds().length).toBe(2);
    rig.raw((open) => open.prepare('DELETE FROM staged WHERE version = ?').run(first?.version));
    expect(await rig.vault.changeKey(call())).toMatchObject({ wentOn: true });
    expect(rig.keyIds().length).toBe(1);
    if (second !== undefined) await rig.ensureReadable([second]);
  });

  it('says locked when a reader keeps the log open to the end, and the next change cuts it', async () => {
    await rig.promoted(1);
    const reader = new Database(rig.file);
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM main').get();
    const soon = call({ deadline: Date.now() + 300 });
    await expect(rig.vault.changeKey(soon)).rejects.toThrow(/^locked: a reader/);
    reader.exec('COMMIT');
    reader.close();
    await rig.vault.changeKey(call());
    expect(readFileSync(`${rig.file}-wal`).length).toBe(0);
  });
});

describe('changing the key with several processes', () => {
  const change = new URL('./embedded-key-change.ts', import.meta.url).pathname;
  const rival = new URL('./embedded-rival.ts', import.meta.url).pathname;
  const start = (script: string, ...args: string[]) =>
    spawn(process.execPath, [script, rig.file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });

  it.each<KeyChangeStep>(['inside-make', 'made', 'inside-rows', 'some-rows', 'all-rows', 'inside-drop', 'dropped'])(
    'killed at %s: everything opens, in the open process too, new writes go on, and the next change ends it',
    async (step) => {
      const all = [...(await rig.promoted(2))];
      const child = start(change, step);
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
      await rig.ensureReadable(all);
      const made = make();
      await rig.backend.stage(place, made, call());
      const expected = all.at(-1)?.version;
      await rig.backend.promote(place, { version: made.version, epoch: 3, expected }, call());
      all.push(made);
      expect(rig.namedIds().filter((id) => !rig.keyIds().includes(id))).toEqual([]);
      const between = ['made', 'inside-rows', 'some-rows', 'all-rows', 'inside-drop'].includes(step);
      expect(await rig.vault.changeKey(call())).toMatchObject({ wentOn: between });
      expect([rig.keyIds().length, rig.namedIds()]).toEqual([1, rig.keyIds()]);
      const fresh = embeddedVault(rig.file, () => key);
      await rig.ensureReadable(all, embeddedBackend('fresh', fresh));
      fresh.close();
    },
  );

  it('others read and write on during three changes, and two changes at once end with one key', async () => {
    const all = await rig.promoted(8);
    const others = ['a', 'b'].map((name) => start(rival, 'go-on', name));
    await Promise.all(others.map((child) => once(child.stdout, 'data')));
    const former = rig.keyIds();
    await rig.vault.changeKey(call());
    const together = [start(change), start(change)];
    await Promise.all(together.map((child) => text(child.stdout)));
    const rounds = await Promise.all(
      others.map(async (child) => {
        const said = text(child.stdout);
        child.stdin.end('stop');
        const { rounds: done } = JSON.parse(await said) as { rounds: number };
        return done;
      }),
    );
    expect(rounds.every((done) => done > 1)).toBe(true);
    await rig.vault.changeKey(call());
    expect([rig.keyIds().length, rig.namedIds()]).toEqual([1, rig.keyIds()]);
    expect(rig.keyIds()).not.toEqual(former);
    await rig.ensureReadable(all);
  });
});
