import assert from 'node:assert/strict';
import type { Bench, Made } from './bench.ts';
import type { Case } from './staging.ts';

const destroy = (bench: Bench, made: Made) => bench.backend.destroy(bench.place, made.version, bench.call());
const copies = (bench: Bench, made: Made) => bench.subject.copies(bench.place.path, made.version, made.value);

export const destroying: Readonly<Record<string, Case>> = {
  'destroy erases every copy: the staged one and every older generation': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    const second = await bench.current(bench.make(), 2, first);
    assert.ok((await copies(bench, first)) >= 1, 'no copy is found before destroy: the search is broken');
    await destroy(bench, first);
    assert.equal(await copies(bench, first), 0);
    await bench.consumersRead(second, 2);
  },

  'destroy erases the copies that foreign writes made of an older generation': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    await bench.subject.writeByHand(bench.place.path, { REGION: 'eu-west-1' });
    await bench.subject.writeByHand(bench.place.path, { REGION: 'eu-west-2' });
    const second = await bench.current(bench.make(), 2, first);
    await bench.subject.writeByHand(bench.place.path, { REGION: 'eu-west-3' });
    await destroy(bench, first);
    assert.equal(await copies(bench, first), 0);
    await bench.consumersRead(second, 2);
    assert.equal((await bench.subject.consumerReads(bench.place.path))?.['REGION'], 'eu-west-3');
  },

  'destroy of a version that was only staged erases it': async (bench) => {
    const made = await bench.staged(bench.make());
    assert.ok((await copies(bench, made)) >= 1, 'no copy is found before destroy: the search is broken');
    await destroy(bench, made);
    assert.equal(await copies(bench, made), 0);
  },

  'destroy again, and of a version never seen, is success': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    await bench.current(bench.make(), 2, first);
    await destroy(bench, first);
    await destroy(bench, first);
    await destroy(bench, bench.make());
  },

  'destroy refuses what consumers read now': async (bench) => {
    const made = await bench.current(bench.make(), 1);
    await bench.refused('CONFLICT', destroy(bench, made));
    await bench.consumersRead(made, 1);
    assert.deepEqual((await bench.backend.describe(bench.place, bench.call())).staged, [made.version]);
  },

  'destroy after a roll-back takes the newer version and leaves the older': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    const second = await bench.current(bench.make(), 2, first);
    await bench.promote(first, 3, second);
    await destroy(bench, second);
    assert.equal(await copies(bench, second), 0);
    await bench.consumersRead(first, 3);
  },

  'destroy of one version leaves all others as they were': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    const second = await bench.current(bench.make(), 2, first);
    const third = await bench.staged(bench.make());
    await destroy(bench, first);
    await bench.promote(third, 3, second);
    await bench.consumersRead(third, 3);
    await bench.promote(second, 4, third);
    await bench.consumersRead(second, 4);
  },

  'a destroyed version is NOT_FOUND, is not described, and cannot be promoted': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    const second = await bench.current(bench.make(), 2, first);
    await destroy(bench, first);
    await bench.refused('NOT_FOUND', bench.backend.read(bench.place, first.version, bench.call()));
    await bench.refused('NOT_FOUND', bench.promote(first, 3, second));
    assert.deepEqual((await bench.backend.describe(bench.place, bench.call())).staged, [second.version]);
  },
};
