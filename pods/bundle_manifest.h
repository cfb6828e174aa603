// The MANIFEST of the bundle that a program lies in (pods/bundle/make_bundle.py).
#ifndef PODS_BUNDLE_MANIFEST_H_
#define PODS_BUNDLE_MANIFEST_H_

#include <map>
#include <string>

namespace forensics::pods {

// {"bundle": name, "content": digest, "torch": "2.11.0", "cuda": "13.0"} of BUNDLE/MANIFEST, where
// `program` is BUNDLE/bin/exp0 or its like; empty where there is none.
std::map<std::string, std::string> BundleFields(const std::string& program);

}  // namespace forensics::pods

#endif  // PODS_BUNDLE_MANIFEST_H_
