#include "models/model.h"

#include <map>

namespace dfmerge {

namespace {

std::map<std::string, MakeModel>& registered() {
  static std::map<std::string, MakeModel> architectures;
  return architectures;
}

}  // namespace

std::unique_ptr<Decoding> Model::decode(const Prompts&, const PassSetting&) const {
  fail("UNSUPPORTED", "this architecture does not generate text");
}

Registration::Registration(const char* architecture, MakeModel make) { registered()[architecture] = make; }

std::unique_ptr<Model> make_model(const ModelConfig& config) {
  const auto found = registered().find(config.architecture());
  if (found != registered().end()) return found->second(config);
  std::string known;
  for (const auto& [name, make] : registered()) known += (known.empty() ? "" : ", ") + name;
  fail("INVALID_ARGUMENT", "architecture: there is no \"%s\"; this build has %s", config.architecture().c_str(),
       known.c_str());
}

}  // namespace dfmerge
