/** Nobody looks: said in place of "nothing unusual". */
export function TurnedOff() {
  return (
    <div className="failure" role="note">
      <p>
        <strong>Detection is turned off on this node.</strong> Nothing is being judged, so no finding says nothing.
      </p>
      <p>
        The setting is <code>detect.enabled = false</code> (or <code>HEIMDALL_DETECT__ENABLED=false</code>); without it
        a node looks by itself from its next start on.
      </p>
    </div>
  );
}
