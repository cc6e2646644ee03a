import assert from 'node:assert/strict';
import type { Case } from './staging.ts';

export const promoting: Readonly<Record<string, Case>> = {
  'promote gives consumers the rendered fields with version and epoch': async (bench) => {
    await bench.consumersRead(await bench.current(bench.make(), 1), 1);
  },

  'promote without a mapping writes every field under its own name': async (bench) => {
    const made = bench.make();
    const place = { credential: bench.place.credential, path: bench.place.path };
    await bench.staged(made, place);
    await bench.promote(made, 1, undefined, place);
    const read = await bench.subject.consumerReads(place.path);
    assert.ok(read?.['password'] === made.value && read['username'] === made.fields['username']);
    const { main } = await bench.backend.describe(place, bench.call());
    assert.deepEqual(main, { kind: 'ours', version: made.version, epoch: 1 });
  },

  'promote moves from the expected version to the next': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    const second = await bench.current(bench.make(), 2, first);
    await bench.consumersRead(second, 2);
  },

  'promote carries over fields that are not ours': async (bench) => {
    await bench.subject.writeByHand(bench.place.path, { REGION: 'eu-west-1' });
    const first = await bench.current(bench.make(), 1);
    await bench.consumersRead(first, 1);
    assert.equal((await bench.subject.consumerReads(bench.place.path))?.['REGION'], 'eu-west-1');
  },

  'promote carries over a foreign field as it is at that moment, also on a roll-back': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    const second = await bench.staged(bench.make());
    await bench.subject.writeByHand(bench.place.path, { REGION: 'eu-west-1' });
    await bench.promote(second, 2, first);
    assert.equal((await bench.subject.consumerReads(bench.place.path))?.['REGION'], 'eu-west-1');
    await bench.subject.writeByHand(bench.place.path, { REGION: 'eu-west-2' });
    await bench.promote(first, 3, second);
    await bench.consumersRead(first, 3);
    assert.equal((await bench.subject.consumerReads(bench.place.path))?.['REGION'], 'eu-west-2');
  },

  'a foreign write at the same time as a promote is not lost': async (bench) => {
    let previous = await bench.current(bench.make(), 1);
    for (let epoch = 2; epoch <= 6; epoch += 1) {
      const next = await bench.staged(bench.make());
      await Promise.all([
        bench.promote(next, epoch, previous),
        bench.subject.writeByHand(bench.place.path, { NOTE: String(epoch) }),
      ]);
      await bench.consumersRead(next, epoch);
      assert.equal((await bench.subject.consumerReads(bench.place.path))?.['NOTE'], String(epoch));
      previous = next;
    }
  },

  'a field of ours that the next version lacks does not stay behind': async (bench) => {
    const place = { credential: bench.place.credential, path: bench.place.path };
    const first = await bench.staged(bench.make({ field: 'session_token' }), place);
    await bench.promote(first, 1, undefined, place);
    assert.ok((await bench.subject.consumerReads(place.path))?.['session_token'] !== undefined);
    const second = await bench.staged(bench.make(), place);
    await bench.promote(second, 2, first, place);
    assert.ok((await bench.subject.consumerReads(place.path))?.['session_token'] === undefined);
  },

  'promote of the same version and epoch again changes nothing': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    const second = await bench.current(bench.make(), 2, first);
    await bench.promote(second, 2, first);
    await bench.promote(second, 2, second);
    await bench.consumersRead(second, 2);
  },

  'promote of the current version under a higher epoch moves the epoch': async (bench) => {
    const made = await bench.current(bench.make(), 1);
    await bench.promote(made, 2, made);
    await bench.consumersRead(made, 2);
  },

  'roll-back is a promote of the older version under a higher epoch': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    const second = await bench.current(bench.make(), 2, first);
    await bench.promote(first, 3, second);
    await bench.consumersRead(first, 3);
  },

  'promote is CONFLICT when a higher epoch stands there': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    const second = await bench.current(bench.make(), 3, first);
    await bench.refused('CONFLICT', bench.promote(first, 2, second));
    await bench.consumersRead(second, 3);
  },

  'promote is CONFLICT when the same epoch stands there with another version': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    const second = await bench.staged(bench.make());
    await bench.refused('CONFLICT', bench.promote(second, 1, first));
    await bench.consumersRead(first, 1);
  },

  'promote is CONFLICT when an unexpected version stands there': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    const second = await bench.staged(bench.make());
    const third = await bench.staged(bench.make());
    await bench.refused('CONFLICT', bench.promote(third, 2, second));
    await bench.refused('CONFLICT', bench.promote(third, 2, undefined));
    await bench.consumersRead(first, 1);
  },

  'promote never writes over a value that is not ours': async (bench) => {
    await bench.subject.writeByHand(bench.place.path, { PASSWORD: 'pasted-by-hand' });
    const made = await bench.staged(bench.make());
    await bench.refused('CONFLICT', bench.promote(made, 1));
    const read = await bench.subject.consumerReads(bench.place.path);
    assert.equal(read?.['PASSWORD'], 'pasted-by-hand');
  },

  'promote never writes over our version with one field changed by hand': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    await bench.subject.writeByHand(bench.place.path, { DATABASE_URL: 'postgres://somebody@elsewhere/app' });
    const second = await bench.staged(bench.make());
    await bench.refused('CONFLICT', bench.promote(second, 2, first));
    await bench.refused('CONFLICT', bench.promote(first, 1, first));
  },

  'promote writes over a foreign value when it is told to': async (bench) => {
    await bench.subject.writeByHand(bench.place.path, { PASSWORD: 'pasted-by-hand', REGION: 'eu-west-1' });
    const made = await bench.staged(bench.make());
    const promotion = { version: made.version, epoch: 1, expected: undefined, overwriteForeign: true };
    await bench.backend.promote(bench.place, promotion, bench.call());
    await bench.consumersRead(made, 1);
    assert.equal((await bench.subject.consumerReads(bench.place.path))?.['REGION'], 'eu-west-1');
  },

  'promote takes over what was written by hand where it is the same value, and nothing else': async (bench) => {
    const made = await bench.staged(bench.make());
    const takeOver = { version: made.version, epoch: 1, expected: undefined, overwriteForeign: 'same value' } as const;
    const { DATABASE_USER: _left, ...same } = bench.rendered(made);
    await bench.subject.writeByHand(bench.place.path, { ...same, PASSWORD: 'pasted-by-hand' });
    await bench.refused('CONFLICT', bench.backend.promote(bench.place, takeOver, bench.call()));
    assert.equal((await bench.subject.consumerReads(bench.place.path))?.['PASSWORD'], 'pasted-by-hand');
    await bench.subject.writeByHand(bench.place.path, same);
    await bench.backend.promote(bench.place, takeOver, bench.call());
    await bench.consumersRead(made, 1);
  },

  'promote over a foreign value never goes behind the epoch that it claims': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    await bench.current(bench.make(), 3, first);
    await bench.subject.writeByHand(bench.place.path, { PASSWORD: 'pasted-by-hand' });
    const stale = { version: first.version, epoch: 2, expected: undefined, overwriteForeign: true };
    await bench.refused('CONFLICT', bench.backend.promote(bench.place, stale, bench.call()));
    const restore = { version: first.version, epoch: 4, expected: undefined, overwriteForeign: true };
    await bench.backend.promote(bench.place, restore, bench.call());
    await bench.consumersRead(first, 4);
  },

  'promote of a version that is not staged is NOT_FOUND and changes nothing': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    await bench.refused('NOT_FOUND', bench.promote(bench.make(), 2, first));
    await bench.consumersRead(first, 1);
  },

  'of two promotions at once under one epoch one wins and the other is CONFLICT': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    const rivals = [await bench.staged(bench.make()), await bench.staged(bench.make())];
    const outcomes = await Promise.allSettled(rivals.map((made) => bench.promote(made, 2, first)));
    const won = rivals.filter((_made, index) => outcomes[index]?.status === 'fulfilled');
    const [winner] = won;
    assert.ok(winner !== undefined && won.length === 1, `${String(won.length)} of two promotions won`);
    bench.isError('CONFLICT', outcomes.find((one) => one.status === 'rejected')?.reason);
    await bench.consumersRead(winner, 2);
  },

  'a placeholder that the material lacks is INVALID_CONFIG before anything is written': async (bench) => {
    const made = bench.make();
    const place = { ...bench.place, fields: { PASSWORD: '{passwort}' } };
    await bench.refused('INVALID_CONFIG', bench.backend.stage(place, made.envelope, bench.call()));
    assert.deepEqual((await bench.backend.describe(bench.place, bench.call())).staged, []);
  },
};
