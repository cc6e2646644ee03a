import { KeybatonError } from '../domain/errors.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import { type Cluster, openCluster } from '../evidence/rollout-cluster.ts';
import { ownTokenFile } from '../inventory/clusters.ts';
import type { Targets } from '../inventory/targets.ts';

/** Clusters of targets.yml as applied, each opened once for as long as it stays as it is written. */
export function openClusters(
  applied: () => Promise<Targets>,
  secret: (reference: string) => Promise<SecretMaterial>,
): (name: string) => Promise<Cluster> {
  const open = new Map<string, { readonly asWritten: string; readonly cluster: Cluster }>();
  return async (name) => {
    const { clusters = {} } = await applied();
    const place = Object.hasOwn(clusters, name) ? clusters[name] : undefined;
    if (place === undefined) throw new KeybatonError('NOT_FOUND', `cluster ${name} is not in targets.yml as applied`);
    const asWritten = JSON.stringify(place);
    const known = open.get(name);
    if (known?.asWritten === asWritten) return known.cluster;
    const { server, caFile, timeout, admin, tokenFile = ownTokenFile } = place;
    const auth =
      admin === undefined ? ({ method: 'service-account', tokenFile } as const) : ({ method: 'token' } as const);
    const cluster = openCluster({ server, caFile, timeout, auth }, () => secret(admin ?? ''));
    open.set(name, { asWritten, cluster });
    return cluster;
  };
}
