import { interval, shop, silence } from './files.ts';
import { after, askRotation, touchedAfterProofs, letsIn, loginOf, outcomeOf, proofOf } from './play.ts';
import type { Play } from './play.ts';

/** A rotation as a schedule starts it: the old login works until nobody needs it any more, and then no more. */
export async function routine(play: Play): Promise<void> {
  const { stage, promises, web, orders, reports, shown } = play;
  const failedBefore = play.counts().failedQueries;
  reports.takeNew(false);
  const { from, before } = await askRotation(play, shop, 'every 90 days');
  const old = await loginOf(play, before);

  await stage.events.next('a promotion', after(from, shop, 'promotion.decided'));
  for (const { name } of [web, orders]) await stage.events.next(`the proof of ${name}`, proofOf(from, shop, name));
  promises.check(
    'two of three have moved: the old login still lets a raw client in',
    (await letsIn(play, old)) && reports.counts().failedQueries === 0,
  );
  shown.line('the third one, reports, now takes the new version as well');
  reports.takeNew(true);
  await stage.events.next('the proof of reports', proofOf(from, shop, reports.name));

  const outcome = await outcomeOf(play, shop, from);
  const silent = touchedAfterProofs(play, before, [web, orders, reports]);
  const patient = silent !== undefined && silent >= silence - interval;
  promises.check(
    patient
      ? `nobody touched the old login for ${(silent / 1_000).toFixed(1)} s after the last of three proofs: it was silent meanwhile`
      : 'nobody touches the old login before the last of three proofs, and before it was silent',
    // A reading of open sessions may be one interval older than the proof.
    patient && outcome === 'rotated',
    `outcome ${outcome}, touched ${silent === undefined ? 'before the last proof' : `${silent} ms after it`}`,
  );
  promises.check('the old login is refused to a raw client', !(await letsIn(play, old)));
  promises.check('no query failed', play.counts().failedQueries === failedBefore);
}
