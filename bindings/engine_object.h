// The JavaScript object around one Engine: a method for each of its calls, and one asynchronous job at a time.
#pragma once
#include <napi.h>

#include <functional>
#include <memory>

#include "engine.h"

namespace dfmerge {

class EngineObject : public Napi::ObjectWrap<EngineObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit EngineObject(const Napi::CallbackInfo& info);
  ~EngineObject() override;

 private:
  using Info = Napi::CallbackInfo;

  // These return at once.
  Napi::Value parameters(const Info& info);
  Napi::Value activation_bytes(const Info& info);
  Napi::Value add_model(const Info& info);
  Napi::Value parameter(const Info& info);
  Napi::Value bytes(const Info& info);
  Napi::Value busy(const Info& info);
  Napi::Value threads(const Info& info);
  Napi::Value matmul(const Info& info);
  Napi::Value stop(const Info& info);
  Napi::Value polls(const Info& info);
  Napi::Value close(const Info& info);
  // These are jobs, and return a Promise.
  Napi::Value load(const Info& info);
  Napi::Value interpolate(const Info& info);
  Napi::Value initialize(const Info& info);
  Napi::Value begin_fisher(const Info& info);
  Napi::Value add_fisher(const Info& info);
  Napi::Value finish_fisher(const Info& info);
  Napi::Value load_fisher(const Info& info);
  Napi::Value begin_merge(const Info& info);
  Napi::Value fold(const Info& info);
  Napi::Value finish_merge(const Info& info);
  Napi::Value score(const Info& info);
  Napi::Value encode(const Info& info);
  Napi::Value logits(const Info& info);
  Napi::Value generate(const Info& info);
  Napi::Value begin_training(const Info& info);
  Napi::Value add_gradient(const Info& info);
  Napi::Value adamw(const Info& info);
  Napi::Value write(const Info& info);

  Engine& idle_engine();  // throws CLOSED or BUSY
  // Starts a job. read(engine) takes the arguments on JavaScript's thread and returns the work, whose result, if it has
  // one, is what the Promise gives.
  template <class Read>
  Napi::Value job(const Info& info, const Read& read);
  Napi::Value run(Napi::Env env, std::function<void()> work, std::function<Napi::Value(Napi::Env)> result);
  // Called on JavaScript's thread when a job has ended. It closes the engine where close() was called meanwhile.
  void job_done(Napi::Env env);
  void report_memory(Napi::Env env);

  std::unique_ptr<Engine> engine_;
  bool busy_ = false, closing_ = false;
  int64_t reported_ = 0;
};

}  // namespace dfmerge
