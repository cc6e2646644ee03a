import { shop } from './files.ts';
import { after, askRotation, letsIn, loginOf, outcomeOf, proofOf, statusOf } from './play.ts';
import type { Play } from './play.ts';

/** A consumer does not prove: the rotation is held and says so, and goes on by itself once it proves. */
export async function held(play: Play): Promise<boolean> {
  const { stage, promises, orders, shown } = play;
  const failedBefore = play.counts().failedQueries;
  orders.takeNew(false);
  shown.line('orders stays on the version it holds, and proves nothing');
  const { from, before } = await askRotation(play, shop, 'every 90 days');
  const old = await loginOf(play, before);

  await stage.events.next('an alarm', after(from, shop, 'alarm.raised'));
  const status = await statusOf(play, shop);
  const isHeld = promises.check(
    `keybaton status: ${status.run?.step ?? 'nothing runs'}, ${status.run?.waitsFor ?? ''}`,
    status.run?.step === 'held' && status.alarms > 0 && /orders/.test(status.run.waitsFor ?? ''),
    `${status.alarms} alarms`,
  );
  const touched = stage.events.count(
    (event) =>
      event.n > from && event.version === before && /^(version\.suspended|revoke\.|version\.dead)/.test(event.kind),
  );
  const nothingRevoked = promises.check(
    'nothing is revoked: the old login lets a raw client in',
    touched === 0 && (await letsIn(play, old)),
  );

  shown.line('orders takes the new version now; nobody tells the rotation to go on');
  orders.takeNew(true);
  await stage.events.next('the proof of orders', proofOf(from, shop, orders.name));
  const outcome = await outcomeOf(play, shop, from);
  const ended = promises.check(
    'the rotation ended by itself, the alarm is cured, the old login is refused',
    outcome === 'rotated' && (await statusOf(play, shop)).alarms === 0 && !(await letsIn(play, old)),
    `outcome ${outcome}`,
  );
  const noneFailed = promises.check('no query failed', play.counts().failedQueries === failedBefore);
  return isHeld && nothingRevoked && ended && noneFailed;
}
