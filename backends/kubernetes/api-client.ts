import type { CoreV1Api } from '@kubernetes/client-node';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import { type KubernetesCalls, kubernetesCalls } from '../../outbound/kubernetes-api.ts';
import { ensureInTime } from '../call.ts';
import type { KubernetesSettings } from './settings.ts';

export type { Answered, Way } from '../../outbound/kubernetes-api.ts';

/** The part of the API that Secrets need; nothing is written after a call's deadline. */
export type ApiCalls = KubernetesCalls<CoreV1Api>;

export function apiCalls(
  settings: Pick<KubernetesSettings, 'server' | 'auth' | 'caFile' | 'timeout'>,
  admin: () => Promise<SecretMaterial>,
): ApiCalls {
  const calls = kubernetesCalls(
    settings,
    admin,
    (client, configuration): CoreV1Api => new client.CoreV1Api(configuration),
  );
  return {
    async ask(call, asked, request) {
      if (asked.writes) ensureInTime(call);
      return calls.ask(call, asked, request);
    },
  };
}
