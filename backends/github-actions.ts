import { randomBytes } from 'node:crypto';
import { KeybatonError } from '../domain/errors.ts';
import type { Backend, BackendAccess, BackendCall, BackendFactory, Place, Promotion } from './backend.ts';
import { ensureInTime } from './call.ts';
import { renderFields } from './fields.ts';
import { githubApi } from './github-actions/github-api.ts';
import { type Mark, markIn, markName, secretNames } from './github-actions/mark.ts';
import { type GithubSettings, githubSettings } from './github-actions/settings.ts';
import { judgePromotion } from './main-place.ts';

/**
 * Secrets of GitHub Actions, which can be written and never read. Nothing is staged here: a version's envelope stays in a
 * backend that can be read, and comes with its promotion. A variable beside the secrets says what we wrote last.
 */
export function githubActionsBackend(settings: GithubSettings, access: Pick<BackendAccess, 'name' | 'admin'>): Backend {
  const github = githubApi(settings, () => access.admin());

  /** What we wrote last. Throws CONFLICT when it is another credential's. */
  async function lastMark(place: Place, call: BackendCall): Promise<Mark | undefined> {
    const name = markName(place);
    const text = await github.variable(name, call);
    const mark = text === undefined ? undefined : markIn(text, name);
    if (mark === undefined || mark.path === place.path) return mark;
    throw new KeybatonError('CONFLICT', `variable ${name} belongs to ${mark.path}, not to ${place.path}`);
  }

  /** There is no compare-and-set: a look and a write, as near to each other as they can be. */
  async function judge(mark: Mark | undefined, names: readonly string[], promotion: Promotion, call: BackendCall) {
    if (mark !== undefined) {
      const version = mark.keybaton_version;
      const verdict = judgePromotion(
        { kind: 'ours', version, epoch: Number(mark.keybaton_epoch) },
        mark.begun === true ? { ...promotion, expected: version } : promotion,
      );
      return mark.begun === true ? 'write' : verdict;
    }
    for (const name of names) {
      if (promotion.overwriteForeign === true || !(await github.hasSecret(name, call))) continue;
      throw new KeybatonError(
        'CONFLICT',
        `secret ${name} is there and not ours, and nobody can compare it: delete it there, and the next attempt writes it`,
      );
    }
    return 'write' as const;
  }

  return {
    name: access.name,
    readable: false,

    /** Holds nothing: only looks whether it could be promoted. */
    async stage(place, envelope, call) {
      ensureInTime(call);
      secretNames(Object.keys(renderFields(place.fields, envelope.material)));
      await lastMark(place, call);
    },

    async promote(place, promotion, call) {
      ensureInTime(call);
      const { version, epoch, envelope } = promotion;
      if (envelope === undefined || envelope.version !== version) {
        throw new KeybatonError(
          'NOT_FOUND',
          `version ${version} did not come with its promotion, and backend ${access.name} keeps none`,
        );
      }
      const rendered = renderFields(place.fields, envelope.material);
      const names = secretNames(Object.keys(rendered));
      const mark = await lastMark(place, call);
      if ((await judge(mark, names, promotion, call)) === 'done') return;
      const next: Mark = { keybaton_version: version, keybaton_epoch: String(epoch), path: place.path, secrets: names };
      const say = (said: Mark, there: boolean) =>
        github.setVariable(markName(place), JSON.stringify(said), there, call);
      // Without it a secret of ours whose answer was lost would look like anybody's to the next attempt.
      if (mark === undefined) await say({ ...next, begun: true }, false);
      for (const [field, value] of Object.entries(rendered)) await github.putSecret(field.toUpperCase(), value, call);
      for (const gone of mark?.secrets ?? []) if (!names.includes(gone)) await github.removeSecret(gone, call);
      // Last: as long as it is not there, the next attempt writes all of it again.
      await say(next, true);
    },

    async read() {
      throw new KeybatonError('UNSUPPORTED', `backend ${access.name} is write-only: nothing can be read from it`);
    },

    /** Asks all the same: one that cannot be reached must not look as if all were well. */
    async describe(place, call) {
      const mark = await lastMark(place, call);
      if (mark === undefined || mark.begun === true) return { main: { kind: 'unknown' }, staged: [] };
      const wrote = { version: mark.keybaton_version, epoch: Number(mark.keybaton_epoch) };
      return { main: { kind: 'unknown', wrote }, staged: [] };
    },

    /** An old value was overwritten when the next one was promoted, and GitHub keeps no generations. */
    async destroy(place, version, call) {
      ensureInTime(call);
      const mark = await lastMark(place, call);
      if (mark?.keybaton_version !== version) return;
      throw new KeybatonError('CONFLICT', `version ${version} is what workflows read now in ${access.name}`);
    },

    async probe(place, call) {
      ensureInTime(call);
      await lastMark(place, call);
      // A name of its own: two probes at once must not meet.
      const name = `KEYBATON_PROBE_${randomBytes(8).toString('hex').toUpperCase()}`;
      await github.putSecret(name, 'keybaton', call);
      await github.removeSecret(name, call);
      await github.setVariable(name, 'keybaton', false, call);
      await github.removeVariable(name, call);
    },
  };
}

export const githubActions: BackendFactory<GithubSettings> = {
  kind: 'github-actions',
  settingsSchema: githubSettings,
  create: githubActionsBackend,
};
