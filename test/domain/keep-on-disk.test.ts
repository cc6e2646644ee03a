import { describe, expect, it } from 'vitest';
import { keepOnDisk } from '../../domain/keep-on-disk.ts';

/** A disk whose syncs end when the test says so. */
function slowDisk() {
  let changes = 0;
  let closed = 0;
  const syncs: { readonly seen: number; done(): void; fail(): void }[] = [];
  const disk = keepOnDisk({
    of: 'the ledger',
    state: () => String(changes),
    sync: () =>
      new Promise((resolve, reject) => {
        syncs.push({ seen: changes, done: resolve, fail: () => reject(new Error('EIO')) });
      }),
    close: async () => void (closed += 1),
  });
  const settled: string[] = [];
  return {
    disk,
    syncs,
    closed: () => closed,
    settled,
    write: () => {
      changes += 1;
      disk.look();
    },
    wait: (name: string) => disk.settled().then(() => void settled.push(name)),
  };
}

describe('what is kept on disk', () => {
  it('is told of only after a sync that began when it was written', async () => {
    const { write, wait, syncs, settled } = slowDisk();
    write();
    const first = wait('first');
    write();
    const second = wait('second');
    syncs[0]?.done();
    await first;
    expect(settled).toEqual(['first']);
    await expect.poll(() => syncs.map(({ seen }) => seen)).toEqual([1, 2]);
    syncs[1]?.done();
    await second;
    expect(settled).toEqual(['first', 'second']);
  });

  it('waits once for all that was written before the sync began', async () => {
    const { write, wait, syncs } = slowDisk();
    write();
    const running = wait('running');
    write();
    const others = Promise.all([wait('one'), wait('another')]);
    syncs[0]?.done();
    await running;
    await expect.poll(() => syncs.length).toBe(2);
    syncs[1]?.done();
    await others;
    expect(syncs).toHaveLength(2);
  });

  it('costs no sync where nothing was written since', async () => {
    const { disk, write, wait, syncs } = slowDisk();
    write();
    const first = wait('first');
    syncs[0]?.done();
    await first;
    disk.look();
    await disk.settled();
    expect(syncs).toHaveLength(1);
  });

  it('is in doubt for ever once the disk has failed, whatever the disk says later', async () => {
    const { write, wait, syncs } = slowDisk();
    write();
    const first = wait('first');
    syncs[0]?.fail();
    await expect(first).rejects.toMatchObject({ code: 'AMBIGUOUS', message: expect.stringContaining('the disk of') });
    write();
    await expect(wait('second')).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    expect(syncs).toHaveLength(1);
  });

  it('is closed once, however often that is asked, and after all that was written is on disk', async () => {
    const { disk, write, wait, syncs, closed } = slowDisk();
    write();
    const first = wait('first');
    write();
    const second = wait('second');
    const closing = Promise.all([disk.close(), disk.close()]);
    syncs[0]?.done();
    await first;
    await expect.poll(() => syncs.length).toBe(2);
    expect(closed()).toBe(0);
    syncs[1]?.done();
    await Promise.all([second, closing]);
    await disk.close();
    expect(closed()).toBe(1);
  });
});
