# Run once by bin/rails runner: REST on, two API keys, one project. The database is then copied for each run.
Setting.rest_api_enabled = '1'
Setting.login_required = '1' # without it a wrong API key answers 200 with an empty list
Setting.notified_events = []

def api_key(user, value)
  token = Token.find_by(user_id: user.id, action: 'api') || Token.create!(user: user, action: 'api')
  Token.where(id: token.id).update_all(value: value)
end

admin = User.find_by!(login: 'admin')
admin.update_columns(must_change_passwd: false)
api_key(admin, "#{'0' * 39}1")

bot = User.new(firstname: 'Sluice', lastname: 'Bot', mail: 'sluice@example.invalid', language: 'en')
bot.login = 'sluice'
bot.password = bot.password_confirmation = SecureRandom.hex(12)
bot.save!
api_key(bot, "#{'0' * 39}2")

trackers = Tracker.all.to_a
IssueCustomField.create!(name: 'incident-key', field_format: 'string', is_for_all: true, is_filter: true, searchable: true, trackers: trackers)
project = Project.create!(name: 'Operations', identifier: 'ops', is_public: false, enabled_module_names: %w[issue_tracking], trackers: trackers)
Member.create!(user: bot, project: project, roles: [Role.find_by!(name: 'Developer')])
secret = Project.create!(name: 'Secret', identifier: 'secret', is_public: false, enabled_module_names: %w[issue_tracking], trackers: trackers)
puts "seeded #{project.identifier}, #{secret.identifier}"
