import { z } from 'zod';
import type { BoundProvider } from '../activities/ports.ts';
import { KeybatonError } from '../domain/errors.ts';
import type { AnyProvider, Provider, Target } from '../providers/provider.ts';

export interface Unbound {
  readonly name: string;
  readonly environment: string;
  readonly installation: string;
  readonly settings: unknown;
  readonly admin: Target<never>['admin'];
}

/** Checks a target's settings and fills it into its adapter. INVALID_CONFIG names every wrong setting, never its content. */
export function bindProvider(adapter: AnyProvider, target: Unbound): BoundProvider {
  // The registry has forgotten the settings' type; the adapter's own schema makes it true again before anything is used.
  return bind<unknown>(adapter, target);
}

function bind<Settings>(provider: Provider<Settings>, unbound: Unbound): BoundProvider {
  const parsed = provider.settingsSchema.safeParse(unbound.settings);
  if (!parsed.success) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `settings of target ${unbound.name} (${provider.name}): ${z.prettifyError(parsed.error)}`,
    );
  }
  const target: Target<Settings> = { ...unbound, settings: parsed.data };
  return {
    name: provider.name,
    target: unbound.name,
    installation: unbound.installation,
    material: provider.material,
    traits: provider.traits(parsed.data),
    preflight: (request, call) => provider.preflight(target, request, call),
    verify: (material, call) => provider.verify(target, material, call),
    revoke: (ref, call) => provider.revoke(target, ref, call),
    list: (call) => provider.list(target, call),
    killByHand: (ref) => provider.killByHand(target, ref),
    issue: provider.issue && ((request, call) => present(provider.issue?.(target, request, call))),
    generate: provider.generate && ((request) => present(provider.generate?.(target, request))),
    recover: provider.recover && ((ref, call) => present(provider.recover?.(target, ref, call))),
    suspend: provider.suspend && ((ref, call) => present(provider.suspend?.(target, ref, call))),
    resume: provider.resume && ((ref, call) => present(provider.resume?.(target, ref, call))),
    usage: provider.usage && ((ref, call) => present(provider.usage?.(target, ref, call))),
    adopt: provider.adopt && ((request, call) => present(provider.adopt?.(target, request, call))),
    examine: provider.examine && ((request, call) => present(provider.examine?.(target, request, call))),
    supplySteps: provider.supplySteps && ((version) => present(provider.supplySteps?.(target, version))),
    extend: provider.extend && ((ref, expiresAt, call) => present(provider.extend?.(target, ref, expiresAt, call))),
    killSwitches: Object.fromEntries(
      Object.entries(provider.killSwitches ?? {}).map(([name, one]) => [
        name,
        {
          kills: one.kills,
          undo: one.undo(target),
          reach: (call) => one.reach(target, call),
          pull: (call) => one.pull(target, call),
        },
      ]),
    ),
    excess: provider.excess && ((call) => present(provider.excess?.(target, call))),
  };
}

/** The ability was there when it was bound; an adapter that takes it away meanwhile is broken. */
function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new KeybatonError('UNSUPPORTED', 'the adapter has lost an ability it declared');
  return value;
}
