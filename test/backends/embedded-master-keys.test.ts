import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { embeddedBackend, openEmbedded } from '../../backends/embedded.ts';
import { createCipher } from '../../backends/embedded/cipher.ts';
import { checkContext } from '../../backends/embedded/rows.ts';
import { embeddedVault } from '../../backends/embedded/vault.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { type KeysRig, type Made, openKeysRig } from './embedded-keys-rig.ts';
import { call, key, make, otherKey } from './embedded-subject.ts';
import { testPlace as place } from './in-memory-subject.ts';

let rig: KeysRig;
beforeEach(() => {
  rig = openKeysRig();
});
afterEach(() => rig.close());

describe('a vault file of the first format, whose rows lie under the master key itself', () => {
  /** As builds without keys of their own wrote it. */
  function intoFirstFormat(): void {
    const master = createCipher(key);
    const staged = { kind: 'staged', credential: place.credential, path: place.path, epoch: undefined } as const;
    rig.raw((open) => {
      open.exec('DROP TABLE IF EXISTS keys; DELETE FROM vault;');
      const check = master.seal('keybaton', checkContext);
      open
        .prepare('INSERT INTO vault (id, key_id, salt, nonce, sealed) VALUES (1, @keyId, @salt, @nonce, @text)')
        .run(check);
      const made = legacy;
      const fieldNames = ['api_key'];
      const insert = open.prepare(
        `INSERT INTO staged (path, version, credential, ref, field_names, key_id, salt, nonce, sealed)
         VALUES (@path, @version, @credential, '{"id":"key-1"}', '["api_key"]', @keyId, @salt, @nonce, @text)`,
      );
      const plain = JSON.stringify({ value: 'api_key', fields: { api_key: made.value } });
      const { path, credential } = place;
      const context = { ...staged, version: made.version, fieldNames };
      insert.run({ path, credential, version: made.version, ...master.seal(plain, context) });
      const fields = { api_key: made.value, keybaton_version: made.version, keybaton_epoch: '1' };
      const main = { kind: 'main', credential, path, version: made.version, epoch: 1, fieldNames } as const;
      open
        .prepare(
          `INSERT INTO main (path, credential, version, epoch, field_names, key_id, salt, nonce, sealed, written_at)
           VALUES (@path, @credential, @version, 1, '["api_key"]', @keyId, @salt, @nonce, @text, 0)`,
        )
        .run({ path, credential, version: made.version, ...master.seal(JSON.stringify(fields), main) });
    });
  }
  let legacy: Made;
  beforeEach(async () => {
    legacy = make();
    rig.vault.read(() => undefined);
    rig.vault.close();
    intoFirstFormat();
  });

  it('opens, is sealed anew under a key of its own, and serves what it held', async () => {
    const old = rig.blobs('SELECT sealed FROM staged UNION ALL SELECT sealed FROM main');
    await rig.ensureReadable([legacy]);
    const master = createCipher(key).keyId;
    expect([rig.keyIds().length, rig.namedIds()]).toEqual([1, rig.keyIds()]);
    expect(rig.keyIds()).not.toContain(master);
    rig.vault.cutLog();
    expect(old.filter((blob) => rig.onDisk().includes(blob))).toEqual([]);
  });

  it('is refused under another installation key, and stays as it is', async () => {
    const other = embeddedVault(rig.file, () => otherKey);
    expect(() => other.read(() => undefined)).toThrow(/start with the installation key/);
    other.close();
    expect(rig.namedIds()).toEqual([createCipher(key).keyId]);
    await rig.ensureReadable([legacy]);
  });

  it('two processes that open it at once make one key', async () => {
    const rivals = ['a', 'b'].map((name) =>
      spawn(process.execPath, [new URL('./embedded-rival.ts', import.meta.url).pathname, rig.file, 'go-on', name], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    await Promise.all(rivals.map((child) => once(child.stdout, 'data')));
    for (const child of rivals) child.stdin.end('stop');
    await Promise.all(rivals.map((child) => once(child, 'exit')));
    expect(rig.keyIds().length).toBe(1);
    await rig.ensureReadable([legacy]);
  });

  it('what a process of the first format still writes beside us opens, and the next change seals it anew', async () => {
    await rig.ensureReadable([legacy]);
    const version = make().version;
    const context = { ...checkContext, kind: 'main', path: 'ai/prod/late', version, epoch: 1, fieldNames: [] } as const;
    const sealed = createCipher(key).seal('{}', context);
    rig.raw((open) =>
      open
        .prepare(
          `INSERT INTO main (path, credential, version, epoch, field_names, key_id, salt, nonce, sealed, written_at)
           VALUES ('ai/prod/late', '', ?, 1, '[]', ?, ?, ?, ?, 0)`,
        )
        .run(version, sealed.keyId, sealed.salt, sealed.nonce, sealed.text),
    );
    const late = () =>
      rig.vault.read((store) => [...store.generations('ai/prod/late')].map(({ mark }) => mark?.version));
    expect(late()).toEqual([version]);
    await rig.vault.changeKey(call());
    expect([late(), rig.namedIds()]).toEqual([[version], rig.keyIds()]);
  });
});

describe('the master key of an embedded vault', () => {
  const masters = [otherKey, new Uint8Array(32).fill(3)].map((one) => Buffer.from(one).toString('base64'));
  const [oldMaster = '', newMaster = ''] = masters;
  /** A process whose backend refers to this text. */
  const under = (text: () => string) => {
    const admin = async () => new SecretMaterial({ value: text() }, 'value');
    const opened = openEmbedded({ file: rig.file, masterKey: 'admin' }, { key: () => key, admin });
    return { vault: opened, backend: embeddedBackend('own', opened), close: () => opened.close() };
  };
  const wrapsUnder = () => rig.raw((open) => open.prepare('SELECT master_id FROM keys').pluck().all());

  it('goes from the installation key to one of its own: the first change wraps under it alone', async () => {
    const all = await rig.promoted(2);
    const own = under(() => oldMaster);
    await rig.ensureReadable(all, own.backend);
    await own.vault.changeKey(call());
    expect(wrapsUnder()).toEqual([createCipher(otherKey).keyId]);
    await rig.ensureReadable(all, own.backend);
    const fresh = embeddedVault(rig.file, () => key);
    expect(() => fresh.read(() => undefined)).toThrow(/or the master key that its backend refers to/);
    fresh.close();
    own.close();
  });

  it('is replaced while a process that has only the former one goes on, and then is no use any more', async () => {
    const slow = under(() => oldMaster);
    let text = oldMaster;
    const own = under(() => text);
    const made = make();
    await own.backend.stage(place, made, call());
    await own.backend.promote(place, { version: made.version, epoch: 1, expected: undefined }, call());
    await rig.ensureReadable([made], slow.backend);

    text = `${newMaster}\n${oldMaster}\n`;
    await own.backend.probe(place, call());
    await own.vault.ready();
    await own.vault.changeKey(call());
    expect(new Set(wrapsUnder()).size).toBe(2);
    await rig.ensureReadable([made], slow.backend);

    text = newMaster;
    await own.vault.ready();
    await own.vault.changeKey(call());
    expect(wrapsUnder()).toEqual([createCipher(Buffer.from(newMaster, 'base64')).keyId]);
    await rig.ensureReadable([made], own.backend);
    await expect(slow.backend.read(place, made.version, call())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    own.close();
    slow.close();
  });

  it.each(['', 'c2hvcnQ=', `${oldMaster} ${newMaster} ${oldMaster}`])(
    'is refused when it is none, without repeating it (%#)',
    async (text) => {
      const own = under(() => text);
      const probe = own.backend.probe(place, call());
      await expect(probe).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
      await expect(probe).rejects.not.toThrow(oldMaster);
      own.close();
    },
  );
});
