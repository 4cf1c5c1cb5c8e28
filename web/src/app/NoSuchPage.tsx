import { Link } from 'wouter';

export function NoSuchPage() {
  return (
    <div className="page">
      <h1>There is no such page</h1>
      <p>
        The address may be mistyped, or from another version. <Link href="/explore">Go to Explore</Link>
      </p>
    </div>
  );
}
