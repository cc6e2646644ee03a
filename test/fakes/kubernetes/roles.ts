/**
 * Role-based access as https://kubernetes.io/docs/reference/access-authn-authz/rbac/ has it (read 2026-11): rights only add up; a
 * rule grants verbs on resources of API groups in its Role's namespace, to all names or to `resourceNames`; a list, and a
 * create, cannot be bound to a name. A patch of an object is a right to patch all of it.
 */
export interface Rule {
  readonly namespace: string;
  readonly verbs: readonly string[];
  /** Unsaid: Secrets of the core group. */
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface Asked {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string | undefined;
}

export function grants(rules: readonly Rule[], { verb, group, resource, namespace, name }: Asked): boolean {
  return rules.some(
    ({ namespace: where, verbs, apiGroups = [''], resources = ['secrets'], resourceNames = [] }) =>
      where === namespace &&
      verbs.includes(verb) &&
      apiGroups.includes(group) &&
      resources.includes(resource) &&
      (resourceNames.length === 0 || (name !== undefined && resourceNames.includes(name))),
  );
}
