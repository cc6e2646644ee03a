/** What ends more than one key of an account at once. Only a person pulls one. */
import type { Call, KillReach, KillSwitch, LiveCredential, Target } from '../provider.ts';
import { accountPath, azureApi } from './api.ts';
import type { AzureOpenAiSettings } from './settings.ts';
import { markOf, readSlots, write, type Slot } from './slots.ts';

type AzureTarget = Target<AzureOpenAiSettings>;

export const azureKillSwitches = {
  /** https://learn.microsoft.com/en-us/azure/ai-services/disable-local-auth */
  'keys-off': {
    kills: 'every key of the account, both slots, whoever holds them; only Entra sign-in goes on',
    undo: ({ settings }) =>
      `az resource update --ids '${accountPath(settings)}' --set properties.disableLocalAuth=false --output none`,
    reach: (target, call) => reach(target, call, true),
    pull: async (target, call) => (await azureApi(target, call)).switchKeysOff(),
  },
  'regenerate-both': {
    kills: 'what both slots of the account hold, for ever; nobody is given the new values',
    undo: () => undefined,
    reach: (target, call) => reach(target, call, false),
    async pull(target, call) {
      const api = await azureApi(target, call);
      for (const slot of await readSlots(target, api)) {
        if (slot.standing === 'empty') continue;
        const { name, installation, version } = slot;
        const marked = installation === undefined || version === undefined ? undefined : { installation, version };
        // As a revoke does: a slot whose mark says so is known to be empty, even if this is the last that we hear.
        if (marked !== undefined) await write(target, api, slot, marked, 'ending');
        const value = (await api.regenerate(name))[name];
        if (marked !== undefined) await write(target, api, { name, value }, marked, 'dead').catch(() => undefined);
      }
    },
  },
} satisfies Readonly<Record<string, KillSwitch<AzureOpenAiSettings>>>;

async function reach(target: AzureTarget, call: Call, bySwitch: boolean): Promise<KillReach> {
  const api = await azureApi(target, call);
  const off = await api.keysAreOff();
  const keys = listedSlots(await readSlots(target, api));
  return { pulled: bySwitch ? off : keys.length === 0, keys: bySwitch && off ? [] : keys };
}

/** What somebody may hold. */
export const listedSlots = (slots: readonly Slot[]): readonly LiveCredential[] =>
  slots
    .filter(({ standing }) => standing !== 'empty')
    .map((slot) => {
      const { installation, version } = slot;
      const mark = markOf(slot);
      return {
        ref: { id: slot.name, ...(mark !== undefined && { mark }) },
        ...(installation !== undefined && version !== undefined && { tag: { installation, version } }),
        disabled: false,
        hint: `${slot.value.slice(0, 2)}...${slot.value.slice(-2)}`,
      };
    });
