import { shop } from './files.ts';
import { after, askRotation, currentOf, touchedAfterProofs, letsIn, loginOf, outcomeOf, proofOf } from './play.ts';
import type { Play } from './play.ts';

/** The new login lacks a grant that one of three needs, found after another has moved: everybody goes back. */
export async function rollBack(play: Play): Promise<boolean> {
  const { stage, promises, web, orders, reports, shown } = play;
  const failedBefore = play.counts().failedQueries;
  const idle = (await stage.database.logins()).find(({ canLogIn }) => !canLogIn);
  if (idle === undefined) throw new Error('both logins are in use: none can be the next one');
  await stage.database.sql(`revoke reporting from ${idle.name}`);
  shown.line(`somebody forgot a grant: ${idle.name} may not read what reports reads`);
  reports.takeNew(false);

  const { from, before } = await askRotation(play, shop, 'every 90 days');
  const good = await loginOf(play, before);
  await stage.events.next('a promotion', after(from, shop, 'promotion.decided'));
  await stage.events.next('the proof of web', proofOf(from, shop, web.name));
  const bad = await loginOf(play, currentOf(play, shop));
  const abandoned = currentOf(play, shop);
  shown.line('web has moved; reports takes the new version, and is not allowed what it needs');
  reports.takeNew(true);
  await stage.events.next('reports falling back', after(from, shop, 'evidence.withdrawn'));
  const failed = reports.counts().failedQueries;
  await reports.queriesMore(40);
  const lived = promises.check(
    'reports goes on answering with the version before',
    reports.counts().failedQueries === failed && reports.counts().retriedQueries > 0,
  );

  web.takeNew(false);
  await stage.keybaton.run('rollback', shop, '--why', `${idle.name} lacks a grant`);
  const decided = await stage.events.next(
    'the roll-back',
    after(from, shop, 'promotion.decided', (event) => event.version === before),
  );
  for (const { name } of [orders, reports])
    await stage.events.next(`the way back of ${name}`, proofOf(decided.n, shop, name));
  const stillThere = promises.check(
    'two of three are back: the new login still lets a raw client in, since web uses it',
    await letsIn(play, bad),
  );
  web.takeNew(true);
  await stage.events.next('the way back of web', proofOf(decided.n, shop, web.name));

  const outcome = await outcomeOf(play, shop, from);
  const order = promises.check(
    'the new login died after all three had proved the way back',
    outcome === 'rolled-back' && touchedAfterProofs(play, abandoned, [web, orders, reports]) !== undefined,
    `outcome ${outcome}`,
  );
  const ends = promises.check(
    'the new login is refused, the version before lets a raw client in',
    !(await letsIn(play, bad)) && (await letsIn(play, good)),
  );
  await stage.database.sql(`grant reporting to ${idle.name}`);
  const noneFailed = promises.check('no query failed', play.counts().failedQueries === failedBefore);
  return lived && stillThere && order && ends && noneFailed;
}
