/** The names of our commands. */
export const Commands = {
  wizard: 'odh-oci:wizard',
  panel: 'odh-oci:panel',
  access: 'odh-oci:access',
  insertCode: 'odh-oci:insert-code',
  tutorial: 'odh-oci:tutorial',
  shutDown: 'odh-oci:shut-down',
  /** Any view, by its name: for the tabs of the page before. */
  openView: 'odh-oci:open-view'
} as const;
