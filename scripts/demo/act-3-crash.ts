import { assistant, shop } from './files.ts';
import { after, askRotation, outcomeOf, strays } from './play.ts';
import type { Play } from './play.ts';

export interface Crashed {
  readonly recovered: boolean;
  readonly strays: number;
}

/** The worker dies between the provider's commit and its answer, which nobody ever gets: at PostgreSQL and at OpenAI. */
export async function crash(play: Play): Promise<Crashed> {
  const { stage, promises, shown } = play;
  const failedBefore = play.counts().failedQueries;

  const committed = stage.proxy.holdNextCommit();
  const atDatabase = await askRotation(play, shop, 'every 90 days');
  await committed;
  await stage.killWorker();
  const killedAt = Date.now();
  stage.proxy.drop();
  const working = (await stage.database.logins()).filter(({ canLogIn }) => canLogIn).length;
  shown.line('PostgreSQL has committed the new login, its answer is withheld: the worker is killed with SIGKILL');
  await stage.startWorker();
  shown.line('the worker is started again');
  const outcome = await outcomeOf(play, shop, atDatabase.from);
  const database = promises.check(
    `PostgreSQL knew ${working} logins of which keybaton knew one; the rotation ended all the same`,
    working === 2 && unknownUntil(play, shop, atDatabase.from, killedAt) && outcome === 'rotated',
    `outcome ${outcome}`,
  );

  const models = await crashWhileMinting(play);

  const left = await strays(play);
  promises.check(`${left} stray credentials, counted at both providers`, left === 0);
  const noneFailed = promises.check('no query failed', play.counts().failedQueries === failedBefore);
  return { recovered: database && models && noneFailed, strays: left };
}

async function crashWhileMinting(play: Play): Promise<boolean> {
  const { stage, promises, shown } = play;
  const minted = stage.models.holdNextCreate();
  const { from } = await askRotation(play, assistant, 'every 90 days');
  await minted;
  await stage.killWorker();
  const killedAt = Date.now();
  await stage.models.letGo();
  const keys = (await stage.models.liveKeys()).length;
  shown.line('OpenAI has made the key, its answer is withheld: the worker is killed with SIGKILL');
  await stage.startWorker();
  shown.line('the worker is started again');
  const outcome = await outcomeOf(play, assistant, from);
  return promises.check(
    `OpenAI knew ${keys} keys of which keybaton knew one; the rotation ended all the same`,
    keys === 2 && unknownUntil(play, assistant, from, killedAt) && outcome === 'rotated',
    `outcome ${outcome}`,
  );
}

/** Had keybaton not heard by then that a version was made? Clocks of one machine. */
function unknownUntil({ stage }: Play, credential: string, from: number, at: number): boolean {
  const issued = stage.events.all().find(after(from, credential, 'version.issued'));
  return issued !== undefined && issued.at > at;
}
